"""The main job through all four images, started by the UI's API."""

import json

import pytest

from stack.pipelines import DAILY, Stage
from stack.settings import WarehouseSettings
from stack.storage import filesystem
from support.contents import contents

BUCKET = "freelancer-data-stack"


@pytest.fixture(scope="module")
def daily(release):
    """The runs of the stages, in order."""
    first = release.launch("ingestion", DAILY.name)
    return release.wait_for_stages(first, [str(stage) for stage in Stage])


@pytest.fixture(scope="module")
def again(release, daily):
    """The same once more, with nothing new."""
    first = release.launch("ingestion", DAILY.name)
    return release.wait_for_stages(first, [str(stage) for stage in Stage])


@pytest.fixture
def store(lake, monkeypatch):
    for name, value in lake.items():
        monkeypatch.setenv(name, value)
    return lambda path: filesystem(f"s3://{BUCKET}/{path}")


def test_each_stage_is_one_run_in_a_pod_of_its_own_image(release, daily):
    assert [run["tags"]["stage"] for run in daily] == [str(stage) for stage in Stage]
    for run in daily:
        [pod] = release.run_pods(run["runId"])
        location = run["tags"]["stage"]
        [container] = pod["spec"]["containers"]
        server = release.namespace.get("pods", release.location_selector(location))[0]
        assert container["image"] == server["spec"]["containers"][0]["image"]
        assert f"/{location}" in container["image"]
        assert pod["spec"]["serviceAccountName"] == f"{release.fullname}-{location}"


def test_marts_and_raw_tables_are_those_of_one_machine(daily, lake, on_one_machine):
    on_cluster = WarehouseSettings(
        stack_home=on_one_machine.home, **{name.lower(): value for name, value in lake.items()}
    )
    expected = contents(WarehouseSettings(stack_home=on_one_machine.home))
    found = contents(on_cluster)
    assert found.keys() == expected.keys()
    assert len(found["marts.receivables_ageing"][1]) > 0
    for table, rows in expected.items():
        assert found[table] == rows, table


def test_results_catalogue_and_logs_are_there_to_read(daily, store):
    fs, artifacts = store("artifacts")
    held = {path.removeprefix(f"{artifacts}/") for path in fs.find(artifacts)}
    assert {"latest/dbt/manifest.json", "latest/dbt/run_results.json"} <= held
    assert {"latest/gx/validation_result.json", "latest/gx/data_docs.zip"} <= held, sorted(held)
    fs, catalogue = store("catalog/metadata.json")
    assert len(json.loads(fs.cat(catalogue))) > 100
    for run in daily:
        fs, logs = store(f"compute-logs/storage/{run['runId']}")
        [captured] = [path for path in fs.find(logs) if path.endswith(".err")]
        text = fs.cat(captured).decode()
        assert run["runId"] in text
        assert "STEP_SUCCESS" in text


def test_without_news_only_the_ingestion_has_a_pod(release, again):
    pods = {run["tags"]["stage"]: release.run_pods(run["runId"]) for run in again}
    assert {stage: len(of_run) for stage, of_run in pods.items()} == {
        "ingestion": 1,
        "transformation": 0,
        "quality": 0,
        "catalog": 0,
    }
    for run in again[1:]:
        assert " hold since 2" in run["tags"]["held"]
