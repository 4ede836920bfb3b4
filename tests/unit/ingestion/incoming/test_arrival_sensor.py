"""The arrival sensor hands out each complete file once, whatever happens to its runs."""

import json
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.incoming.inbox import Inbox, table_of
from ingestion.incoming.sensor import arrival_sensor, hand_out
from ingestion.settings import IncomingSettings
from stack.artifacts import ArtifactStore
from stack.continuation import LOAD_ONLY_TAG
from stack.one_machine.process import Process
from stack.one_machine.stale import PROCESS_TAG, RUN_TAG
from stack.pipelines import FILES
from stack.settings import load_settings
from support.dbt import manifest, node
from support.examples import examples

SETTLE_S = 30


class World:
    """A folder, a clock, and a daemon with its runs; a run loads as `process_files` promises."""

    def __init__(self, folder: Path) -> None:
        self.settings = IncomingSettings(
            incoming_url=str(folder), incoming_files_a_run=2, incoming_runs_a_tick=2
        )
        self.folder = folder
        self.instance = dg.DagsterInstance.ephemeral()
        self.now, self.cursor = 1000.0, None
        self.changed_at: dict[str, float] = {}
        self.keys: set[str] = set()
        self.running: list[dg.DagsterRun] = []
        self.loaded: Counter[tuple[str, str]] = Counter()
        self.last: dict[str, str] = {}

    def files(self):
        return Inbox.open(self.settings).files()

    def write(self, path: str, *, grow: bool = False) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if grow and file.exists() else ""
        file.write_text(f"{before}{uuid.uuid4()}\n")
        self.changed_at[path] = self.now

    def tick(self, *, keep_cursor: bool = True) -> int:
        result = hand_out(self.settings, self.files(), self.instance, self.cursor, self.now)
        requests = result.run_requests or []
        assert bool(requests) != bool(result.skip_reason)
        assert len(requests) <= 2
        for request in requests:
            files = request.run_config["ops"]["file_processing"]["config"]["files"]
            assert 1 <= len(files) <= 2
            assert all(self.now - self.changed_at[f["path"]] >= SETTLE_S for f in files)
            if request.run_key in self.keys:
                continue  # as the daemon does
            self.keys.add(request.run_key)
            run = dg.DagsterRun(
                job_name=FILES.name,
                run_id=str(uuid.uuid4()),
                run_config=request.run_config,
                tags=dict(request.tags),
                status=dg.DagsterRunStatus.STARTED,
            )
            self.running.append(self.instance.add_run(run))
        tables = [table for run in self.running for table in {table_of(p) for p in paths_of(run)}]
        assert len(set(tables)) == len(tables), "no two runs load the same table"
        if keep_cursor:
            self.cursor = result.cursor
        return len(requests)

    def end(self, number: int, how: str) -> None:
        """A run ends: well, `failed` before it loads, or `killed` before it moves its files."""
        if not self.running:
            return
        run = self.running.pop(number % len(self.running))
        there = {file.path: file.version for file in self.files()}
        for item in run.run_config["ops"]["file_processing"]["config"]["files"]:
            path = item["path"]
            if how == "failed" or there.get(path) != item["version"]:
                continue
            content = (self.folder / path).read_text()
            if not self.loaded[table_of(path), content]:
                self.loaded[table_of(path), content] += 1
            if how != "killed":
                (self.folder / path).unlink()
        if how == "well":
            event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name=FILES.name)
            self.instance.report_dagster_event(event, run.run_id)
        else:
            self.instance.report_run_failed(run)


def paths_of(run: dg.DagsterRun) -> list[str]:
    return [f["path"] for f in run.run_config["ops"]["file_processing"]["config"]["files"]]


PATHS = st.sampled_from(["a.csv", "a/1.csv", "a/2.csv", "b.csv", "c/1.json", "d.txt"])
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS),
    st.tuples(st.just("grow"), PATHS),
    st.tuples(st.sampled_from(["tick", "tick", "crash"])),
    st.tuples(st.just("wait"), st.sampled_from([10, 30, 100])),
    st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from(["well", "failed", "killed"])),
)


@settings(
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEPS, max_size=40))
def test_every_file_is_loaded_once_and_none_is_left(stack_home, tmp_path, steps):
    """`crash`: the tick's runs were launched, but its cursor was lost."""
    world = World(tmp_path / uuid.uuid4().hex)
    written: dict[str, str] = {}
    for kind, *arguments in steps:
        match kind:
            case "write" | "grow":
                path = arguments[0]
                world.write(path, grow=kind == "grow")
                written[path] = (world.folder / path).read_text()
            case "tick":
                world.tick()
            case "crash":
                world.tick(keep_cursor=False)
            case "wait":
                world.now += arguments[0]
            case "end":
                world.end(*arguments)
    for _ in range(60):
        if not world.files():
            break
        world.now += 3600
        world.tick()
        world.end(0, "well")
    assert world.files() == []
    assert set(world.loaded.values()) <= {1}
    for path, content in written.items():
        assert world.loaded[table_of(path), content] == 1


def ticks(instance, count: int) -> list:
    sensor, cursor, results = arrival_sensor(running=False), None, []
    for _ in range(count):
        result = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        cursor = result.cursor
        results.append(result)
    return results


@pytest.fixture
def folder(stack_home, monkeypatch) -> Path:
    monkeypatch.setenv("INCOMING_SETTLE_SECONDS", "0")
    folder = stack_home / "incoming"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_hundred_files_at_once_are_five_runs(folder, instance):
    for number in range(100):
        (folder / f"t{number}.csv").write_text("a\n1\n")
    first, second, third = ticks(instance, 3)
    assert not first.run_requests
    assert [request.tags["files/count"] for request in second.run_requests] == ["20"] * 5
    assert len({request.run_key for request in second.run_requests}) == 5
    assert not third.run_requests
    assert all(len(json.dumps(dict(r.tags))) < 1000 for r in second.run_requests)


def run_by_hand(instance, status) -> str:
    run = dg.DagsterRun(job_name=FILES.name, run_id=str(uuid.uuid4()), status=status)
    return instance.add_run(run).run_id


def test_nothing_runs_beside_a_run_started_by_hand(folder, instance):
    (folder / "a.csv").write_text("a\n1\n")
    run_by_hand(instance, dg.DagsterRunStatus.STARTED)
    assert not ticks(instance, 2)[-1].run_requests


def test_a_run_created_by_hand_and_killed_before_it_started_stops_no_files_for_good(
    folder, instance, monkeypatch
):
    (folder / "a.csv").write_text("a\n1\n")
    run_by_hand(instance, dg.DagsterRunStatus.NOT_STARTED)
    assert not ticks(instance, 2)[-1].run_requests  # it may start yet
    monkeypatch.setattr("stack.one_machine.stale.LONGEST_CREATION", timedelta(0))
    assert len(ticks(instance, 2)[-1].run_requests) == 1


def test_a_run_by_hand_whose_process_was_killed_stops_no_files(folder, instance):
    (folder / "a.csv").write_text("a\n1\n")
    run_id = run_by_hand(instance, dg.DagsterRunStatus.STARTED)
    dead = Process.current().model_copy(update={"started": "earlier"})
    instance.add_run_tags(run_id, {PROCESS_TAG: dead.model_dump_json(), RUN_TAG: run_id})
    assert len(ticks(instance, 2)[-1].run_requests) == 1


def test_the_transformation_slice_holds_no_table(folder, instance):
    (folder / "a.csv").write_text("a\n1\n")
    instance.add_run(
        dg.DagsterRun(
            job_name=FILES.name,
            run_id=str(uuid.uuid4()),
            status=dg.DagsterRunStatus.STARTED,
            tags={"stage": "transformation"},
        )
    )
    assert len(ticks(instance, 2)[-1].run_requests) == 1


ORDERS = "source.s.files.orders"


def manifest_with(child: str) -> dict:
    nodes = node(ORDERS, identifier="files_orders"), node(child, ORDERS)
    return manifest(*nodes).model_dump(by_alias=True)


@pytest.mark.parametrize(
    ("dbt", "file", "onwards"),
    [
        (None, "orders.csv", True),
        (manifest_with("model.s.stg_files__orders"), "orders.csv", True),
        (manifest_with("model.s.stg_files__orders"), "others.csv", False),
        (manifest_with("test.s.not_null"), "orders.csv", False),
        ({"not": "a manifest"}, "orders.csv", True),
    ],
    ids=["no manifest yet", "a model", "another table", "only a test", "a broken manifest"],
)
def test_a_run_goes_on_to_dbt_only_if_a_model_uses_the_table(folder, instance, dbt, file, onwards):
    if dbt:
        ArtifactStore(str(folder.parent / "artifacts")).put_json("run", "dbt/manifest.json", dbt)
    (folder / file).write_text("a\n1\n")
    (request,) = ticks(instance, 2)[-1].run_requests
    assert (LOAD_ONLY_TAG not in request.tags) == onwards
    assert (request.asset_selection is None) == onwards


def test_a_folder_that_cannot_be_listed_is_a_reason_and_keeps_the_cursor(
    folder, instance, monkeypatch
):
    monkeypatch.setenv("INCOMING_URL", "nosuch://bucket/incoming")
    sensor = arrival_sensor(running=False)
    result = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor="kept"))
    assert "nosuch://bucket/incoming can't be listed" in result.skip_message
    assert result.cursor == "kept"


def test_a_wrong_setting_is_a_reason(folder, instance, monkeypatch):
    monkeypatch.setenv("INCOMING_FILES_A_RUN", "many")
    (result,) = ticks(instance, 1)
    assert "INCOMING_FILES_A_RUN: got 'many'" in result.skip_message


def test_a_wrong_setting_of_the_warehouse_keeps_no_file_waiting(folder, instance, monkeypatch):
    (folder / "orders.csv").write_text("a\n1\n")
    monkeypatch.setenv("DLT_DESTINATION", "nowhere")
    assert len(ticks(instance, 2)[-1].run_requests) == 1


def test_a_run_takes_twenty_files_unless_told_otherwise(stack_home):
    assert load_settings(IncomingSettings).incoming_files_a_run == 20
