"""The how-to pages, followed literally. The page about sources is followed by its own tests."""

import json
import subprocess
import sys

import pytest

from support.how_to import Copy
from support.stack_process import ROOT

WAREHOUSE = """
from stack.warehouse import connect
with connect() as connection:
    print(connection.execute("select count(*) from marts.late_payers").fetchone()[0])
"""
CONNECTED = """
import json
from stack.warehouse import connect
with connect() as connection:
    rows = connection.execute(
        "select client_name, revenue_eur::double, worked_hours::double "
        "from marts.client_profitability where client_name in ('Nord GmbH', 'Süd AG') order by 1"
    ).fetchall()
print(json.dumps(rows))
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


PAGES = (
    "add-a-pipeline.md",
    "add-a-sensor.md",
    "add-a-model-or-an-expectation.md",
    "connect-your-exports.md",
    "add-a-location.md",
)
KNOW_NO_DECLARATION = (
    *(f"ingestion/{part}" for part in ("airbyte", "airbyte_server", "files", "github", "incoming")),
    *("ci", "pods"),
)
# By its imports the merged process has all packages.
CHECKS_OF_PAGES = (
    *("ruff format", "ruff", "mypy, merged process", "dead code"),
    *("sqlfluff", "hadolint", "yamllint"),
)
# Each page ends with a run of its own; what the last one runs has all of them in it.
RUN = "stack run"


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    """A copy of the checkout in which all pages were followed, one after the other."""
    copy = Copy.make(tmp_path_factory.mktemp("followed") / "checkout")
    for page in PAGES:
        copy.follow(page, but=() if page == PAGES[-1] else (RUN,))
    return copy


def test_a_pipeline(copy):
    assert "succeeded" in copy.command("stack run weekly_proof_pipeline")
    assert json.loads(copy.python(JOBS)) == [["0 5 * * 1"], "transformation"]
    assert "`weekly_proof_schedule`" in (copy.root / "docs/pipelines.md").read_text()


def test_a_sensor(copy):
    assert json.loads(copy.python(SENSOR)) == [[], ["please.txt"]]


def test_a_model_and_an_expectation(copy):
    assert int(copy.python(WAREHOUSE)) > 0
    checks = json.loads(copy.python(CHECKS))
    assert "primary_key_client_id" in checks
    assert [name for name in checks if "between" in name and "open_invoice_count" in name]


def test_connected_exports_are_in_the_marts(copy):
    found = json.loads(copy.python(CONNECTED))
    assert found == [["Nord GmbH", 1200.0, 3.0], ["Süd AG", 99.9, 7.25]]


def test_a_location(copy):
    assert (copy.root / ".stack/published/revenue_by_month.csv").stat().st_size > 0
    assert "→ catalog → publishing" in (copy.root / "docs/pipelines.md").read_text()
    stages = copy.python(SLICES).split()
    assert stages == ["publishing", "publishing_continuation_sensor"]


def test_the_unit_tests_pass_in_what_the_pages_made(copy):
    """But for those of functions that know no declaration, which no page can change."""
    left_out = [f"--ignore=tests/unit/{folder}" for folder in KNOW_NO_DECLARATION]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    done = copy.run([*command, "tests/unit", *left_out], HYPOTHESIS_PROFILE="quick")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_pages_made_is_clean(copy):
    """By the checks of what they make. mypy is by far the longest: its cache is `make lint`'s."""
    subprocess.run(["git", "init", "-q"], cwd=copy.root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=copy.root, check=True)
    done = copy.run(["scripts/lint.sh", *CHECKS_OF_PAGES], MYPY_CACHE_DIR=str(ROOT / ".mypy_cache"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("lint: ") == len(CHECKS_OF_PAGES) + 1


def test_the_locations_image_can_be_prepared(copy, tmp_path):
    """The part of its build that needs no builder."""
    script = (copy.root / "images/code-location/prepare.sh").read_text()
    for place in ("/app", "/tmp/stack"):
        script = script.replace(place, str(tmp_path / place.strip("/").replace("/", "-")))
    script = script.replace("chown -R 10001:10001", "true")
    for location, code in (("publishing", 0), ("publisching", 1)):
        done = subprocess.run(
            ["bash", "-c", script, "prepare", location], cwd=copy.root, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
