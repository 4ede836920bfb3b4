"""Ingestion and transformation are promoted amid a night; quality and catalog stay as they are.

Whatever is running finishes on its image, what waits starts on the new one, and the pipeline is
finished once, by images of two revisions.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from cluster.images import parts_of
from cluster.kube import wait_for
from stack.continuation import Cursor
from stack.options import options_config
from stack.pipelines import DAILY, INCREMENTAL_SYNC, Stage
from stack.warehouse.pool import WAREHOUSE_POOL

PROMOTED = (str(Stage.INGESTION), str(Stage.TRANSFORMATION))
STARTED_BY_HAND = "github_release_sensor"
SET_LIMIT = """mutation ($pool: String!, $limit: Int!) {
  setConcurrencyLimit(concurrencyKey: $pool, limit: $limit) }"""
NO_LIMIT = "mutation ($pool: String!) { deleteConcurrencyLimit(concurrencyKey: $pool) }"
STATES = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  schedules { name scheduleState { ...state } } sensors { name sensorState { ...state } } } } } }
fragment state on InstigationState { id status
  typeSpecificData { ... on SensorData { lastCursor } } }"""
START = """mutation ($location: String!, $name: String!) { startSensor(sensorSelector: {
  repositoryLocationName: $location, repositoryName: "__repository__", sensorName: $name }) {
  ... on Sensor { sensorState { id status } } } }"""
STOP = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"


@dataclass
class Promotion:
    """The state before and after; `first` was running, `waiting` was queued."""

    first: str
    waiting: str
    old: dict[str, str]
    new: dict[str, str]
    before: dict[str, Any]
    after: dict[str, Any]


def states(release) -> dict[str, dict[str, Any]]:
    """Each schedule and sensor of the release: id, status, cursor."""
    nodes = release.ui.query(STATES)["repositoriesOrError"]["nodes"]
    schedules = {one["name"]: one["scheduleState"] for node in nodes for one in node["schedules"]}
    return schedules | {one["name"]: one["sensorState"] for n in nodes for one in n["sensors"]}


def cursors(found) -> dict[str, Cursor]:
    """The cursors of the continuation sensors, which keep ticking."""
    texts = {name: (one["typeSpecificData"] or {}).get("lastCursor") for name, one in found.items()}
    return {
        name: Cursor.model_validate_json(text)
        for name, text in texts.items()
        if text and name.endswith("_continuation_sensor")
    }


def images_of(release) -> dict[str, str]:
    """The image of each location's code server."""
    found = {}
    for stage in map(str, Stage):
        [server] = release.namespace.get("deployments", release.location_selector(stage))
        found[stage] = server["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


@pytest.fixture(scope="module")
def promoted(release, next_images, tmp_path_factory) -> Iterator[Promotion]:
    """Two of four are promoted while one run loads and another waits; all have finished."""
    ui, old = release.ui, images_of(release)
    parts = parts_of(yaml.safe_load(next_images.read_text()))
    file = tmp_path_factory.mktemp("promoted") / "images.yaml"
    file.write_text(yaml.safe_dump({"codeLocations": {name: parts[name] for name in PROMOTED}}))
    ui.query(START, location="ingestion", name=STARTED_BY_HAND)
    try:
        first = release.launch("ingestion", DAILY.name, options_config(full=True))
        release.wait_for_run(first, {"STARTED"})
        ui.query(SET_LIMIT, pool=WAREHOUSE_POOL, limit=0)
        waiting = release.launch("ingestion", INCREMENTAL_SYNC.name, options_config(full=True))
        before = states(release)
        release.install("--values", str(file))
        after = states(release)
        assert release.run(waiting)["status"] == "QUEUED"
        ui.query(NO_LIMIT, pool=WAREHOUSE_POOL)
        release.wait_for_stages(first, [str(stage) for stage in DAILY.stages])
        release.wait_for_stages(waiting, [str(stage) for stage in INCREMENTAL_SYNC.stages])
        yield Promotion(first, waiting, old, images_of(release), before, after)
    finally:
        ui.query(NO_LIMIT, pool=WAREHOUSE_POOL)
        ui.query(STOP, id=states(release)[STARTED_BY_HAND]["id"])
        release.install()


def runs_of(release, pipeline_id) -> dict[str, dict[str, Any]]:
    runs = release.runs(tags={"pipeline/id": pipeline_id})
    assert Counter(run["tags"]["stage"] for run in runs).most_common(1)[0][1] == 1, runs
    return {run["tags"]["stage"]: run for run in runs}


def test_the_run_in_flight_finishes_on_its_image(release, promoted):
    run = release.run(promoted.first)
    assert run["status"] == "SUCCESS"
    assert run["tags"]["dagster/image"] == promoted.old["ingestion"]
    assert "stack/queued-on" not in run["tags"]


def test_the_queued_one_starts_on_the_new_image_and_says_on_which_it_was_queued(release, promoted):
    tags = release.run(promoted.waiting)["tags"]
    assert promoted.new["ingestion"] != promoted.old["ingestion"]
    assert tags["dagster/image"] == promoted.new["ingestion"]
    assert tags["stack/queued-on"] == promoted.old["ingestion"]
    [pod] = release.run_pods(promoted.waiting)
    assert pod["spec"]["containers"][0]["image"] == promoted.new["ingestion"]


def test_the_pipeline_between_stages_is_finished_once_by_both_revisions(release, promoted):
    runs = runs_of(release, promoted.first)
    assert list(runs)[::-1] == [str(stage) for stage in DAILY.stages]
    assert {stage: run["tags"]["dagster/image"] for stage, run in runs.items()} == {
        **promoted.old, "transformation": promoted.new["transformation"],
    }  # fmt: skip
    assert promoted.new | {n: promoted.old[n] for n in PROMOTED} == promoted.old
    for run in runs.values():
        starts = [e for e in release.events(run["runId"]) if e.get("eventType") == "RUN_START"]
        assert len(starts) == 1, run


def test_schedules_and_sensors_keep_their_state_and_go_on_from_their_cursors(release, promoted):
    before, after = promoted.before, promoted.after
    assert {n: s["status"] for n, s in after.items()} == {n: s["status"] for n, s in before.items()}
    assert {n: s["id"] for n, s in after.items()} == {n: s["id"] for n, s in before.items()}
    assert after[STARTED_BY_HAND]["status"] == "RUNNING"
    was, became = cursors(before), cursors(after)
    assert set(was) == {f"{stage}_continuation_sensor" for stage in DAILY.stages[1:]}
    assert all(became[name].since >= was[name].since for name in was)


def test_no_tick_before_or_after_has_asked_twice_for_the_same_run(release, promoted):
    # At each tick it looks again at the runs of the last minutes.
    wait_for(lambda: cursors(states(release)) != cursors(promoted.after), "a tick")
    # A run that is made again, after an outage in another test, keeps the tags of the first.
    tags = [run["tags"] for run in release.runs() if "dagster/parent_run_id" not in run["tags"]]
    asked = Counter(
        (of_run["dagster/sensor_name"], of_run["dagster/run_key"])
        for of_run in tags
        if {"dagster/run_key", "dagster/sensor_name"} <= of_run.keys()
    )
    assert asked
    assert set(asked.values()) == {1}
