"""The how-to pages, followed literally. The page about sources is followed by its own tests."""

import json

import pytest

from support.how_to import Copy

WAREHOUSE = """
from stack.warehouse import connect
with connect() as connection:
    print(connection.execute("select count(*) from marts.late_payers").fetchone()[0])
"""
JOBS = """
import json
from code_locations.definitions import defs
from transformation.definitions import defs as slices
print(json.dumps([
    [s.cron_schedule for s in defs.schedules if s.name == "weekly_proof_schedule"],
    slices.resolve_job_def("weekly_proof_pipeline").tags["stage"],
]))
"""
SENSOR = """
import json, os, pathlib
import dagster as dg
from code_locations.definitions import defs
sensor = defs.resolve_sensor_def("request_sensor")
requests = pathlib.Path(os.environ["STACK_HOME"]) / "requests"
def keys():
    context = dg.build_sensor_context(instance=dg.DagsterInstance.ephemeral())
    return [request.run_key for request in sensor.evaluate_tick(context).run_requests or []]
before = keys()
requests.mkdir(parents=True)
(requests / "please.txt").touch()
print(json.dumps([before, keys()]))
"""
SLICES = """
from publishing.definitions import defs
print(defs.resolve_job_def("daily_data_pipeline").tags["stage"], *[s.name for s in defs.sensors])
"""
CHECKS = """
import json
from code_locations.definitions import defs
keys = {key for check in defs.asset_checks for key in check.check_keys}
print(json.dumps(sorted(k.name for k in keys if k.asset_key.path[-1] == "late_payers")))
"""


@pytest.fixture
def copy(tmp_path) -> Copy:
    return Copy.make(tmp_path / "checkout")


def test_a_pipeline(copy):
    printed = copy.follow("add-a-pipeline.md")
    assert "weekly_proof_pipeline" in printed
    assert json.loads(copy.python(JOBS)) == [["0 5 * * 1"], "transformation"]
    assert "`weekly_proof_schedule`" in (copy.root / "docs/pipelines.md").read_text()


def test_a_sensor(copy):
    copy.follow("add-a-sensor.md")
    assert json.loads(copy.python(SENSOR)) == [[], ["please.txt"]]


def test_a_model_and_an_expectation(copy):
    copy.follow("add-a-model-or-an-expectation.md")
    assert int(copy.python(WAREHOUSE)) > 0
    checks = json.loads(copy.python(CHECKS))
    assert {"not_null_client_id", "unique_client_id"} <= set(checks)
    assert [name for name in checks if "between" in name and "open_invoice_count" in name]


def test_a_location(copy):
    copy.follow("add-a-location.md")
    assert (copy.root / ".stack/published/revenue_by_month.csv").stat().st_size > 0
    assert "→ catalog → publishing" in (copy.root / "docs/pipelines.md").read_text()
    stages = copy.python(SLICES).split()
    assert stages == ["publishing", "publishing_continuation_sensor"]
