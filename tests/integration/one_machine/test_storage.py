"""Runs and events in SQLite files: whole after a crash, seen by all, and cheap to write."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from stack.one_machine.home import prepare_dagster_home
from stack.one_machine.storage import EventLog
from stack.settings import StackSettings, load_settings

CRASH = """
import os, sys
import dagster as dg

@dg.op
def work(context):
    for number in range(50):
        context.log_event(dg.AssetMaterialization("thing", metadata={"number": number}))
    os._exit(9)

@dg.job
def crashing():
    work()

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    crashing.execute_in_process(instance=instance)
"""


@pytest.fixture
def home(stack_home):
    return str(prepare_dagster_home(load_settings(StackSettings)))


@dg.asset
def thing():
    return dg.MaterializeResult(metadata={"rows": 3})


def test_a_process_that_ends_amid_a_run_leaves_all_that_it_reported(home):
    done = subprocess.run([sys.executable, "-c", CRASH, home], capture_output=True, check=False)
    assert done.returncode == 9, done.stderr.decode()
    with dg.DagsterInstance.from_config(home) as instance:
        [run] = instance.get_runs()
        of_run = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=100
        ).records
        of_all = instance.fetch_materializations(dg.AssetKey("thing"), limit=100).records
    assert len(of_run) == len(of_all) == 50
    assert run.status is dg.DagsterRunStatus.STARTED


def test_what_one_process_writes_another_that_has_the_files_open_reads(home):
    with (
        dg.DagsterInstance.from_config(home) as reader,
        dg.DagsterInstance.from_config(home) as writer,
    ):
        assert reader.get_runs() == []
        assert reader.get_latest_materialization_event(thing.key) is None
        run_id = dg.materialize([thing], instance=writer).run_id
        found = reader.get_latest_materialization_event(thing.key)
        assert found is not None
        assert found.run_id == run_id
        assert [run.run_id for run in reader.get_runs()] == [run_id]


def test_files_that_are_replaced_between_two_uses_are_read_anew(home, tmp_path):
    """A backup is restored."""
    with dg.DagsterInstance.from_config(home) as instance:
        dg.materialize([thing], instance=instance)
    Path(home).rename(tmp_path / "aside")
    prepare_dagster_home(load_settings(StackSettings))
    with dg.DagsterInstance.from_config(home) as instance:
        assert instance.get_runs() == []
        run_id = dg.materialize([thing], instance=instance).run_id
    with dg.DagsterInstance.from_config(home) as instance:
        assert [run.run_id for run in instance.get_runs()] == [run_id]


def test_an_event_is_written_by_statements_that_were_compiled_before(home):
    with dg.DagsterInstance.from_config(home) as instance:
        log = instance.event_log_storage
        assert isinstance(log, EventLog)
        dg.materialize([thing], instance=instance)
        with log.index_connection() as first, instance.run_storage.connect() as runs:
            used = first.engine, runs.engine
        dg.materialize([thing], instance=instance)
        with log.index_connection() as second, instance.run_storage.connect() as runs:
            assert (second.engine, runs.engine) == used
            assert second.exec_driver_sql("pragma synchronous").scalar() == 1
