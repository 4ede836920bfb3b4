"""One run at a time, and runs whose process died don't stay in progress for ever."""

import os
import subprocess
import sys
from ast import literal_eval
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg
import pytest

from stack.one_machine.lock import AlreadyRunningError, single_run
from stack.one_machine.process import Process
from stack.one_machine.stale import PROCESS_TAG, RUN_TAG, fail_dead_runs


def test_a_second_run_is_told_who_holds_the_lock(tmp_path):
    refused = pytest.raises(AlreadyRunningError, match=str(os.getpid()))
    with single_run(tmp_path), refused, single_run(tmp_path):
        pytest.fail("the lock was given twice")


def test_the_lock_is_free_after_a_run_that_raised(tmp_path):
    with pytest.raises(RuntimeError), single_run(tmp_path):
        raise RuntimeError
    with single_run(tmp_path):
        pass


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.job
def nothing():
    pass


def started_run(instance, tags):
    return instance.create_run_for_job(
        nothing, status=dg.DagsterRunStatus.STARTED, tags=tags
    ).run_id


@contextmanager
def other_process():
    """Tags of a run by a process that lives until the end, and the process."""
    code = "from stack.one_machine.stale import owner_tags; print(owner_tags('x'), flush=True)"
    command = [sys.executable, "-c", f"{code}; input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield (
            Process.model_validate_json(literal_eval(process.stdout.readline())[PROCESS_TAG]),
            process,
        )
        process.kill()


def run_of(instance, process: Process) -> str:
    run_id = started_run(instance, {})
    instance.add_run_tags(run_id, {PROCESS_TAG: process.model_dump_json(), RUN_TAG: run_id})
    return run_id


def test_a_run_of_a_killed_process_is_marked_as_failed_and_one_of_a_living_is_not(instance):
    with other_process() as (owner, process):
        run_id = run_of(instance, owner)
        assert fail_dead_runs(instance) == []
        process.kill()
        process.wait()
    assert fail_dead_runs(instance) == [run_id]
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("change", [{"started": "1"}, {"boot": "an earlier one"}])
def test_another_process_with_the_number_of_a_dead_one_is_not_taken_for_it(instance, change):
    run_id = run_of(instance, Process.current().model_copy(update=change))
    assert fail_dead_runs(instance) == [run_id]


@pytest.mark.parametrize("change", [{"machine": "another"}, {"namespace": "of a container"}])
def test_runs_of_other_machines_and_containers_are_left_alone(instance, change):
    with other_process() as (owner, process):
        process.kill()
        process.wait()
    run_of(instance, owner.model_copy(update=change))
    run_of(instance, owner.model_copy(update=change | {"boot": "another", "machine": "another"}))
    assert fail_dead_runs(instance) == []


def test_a_run_that_repeats_that_of_a_killed_process_is_not_taken_for_it(instance):
    with other_process() as (owner, process):
        process.kill()
        process.wait()
    copied = {PROCESS_TAG: owner.model_dump_json(), RUN_TAG: "the run that it repeats"}
    started_run(instance, copied)
    assert fail_dead_runs(instance) == []


def test_a_run_that_was_never_begun_fails_when_it_is_too_late_and_not_before(instance, monkeypatch):
    run_id = instance.create_run_for_job(nothing).run_id
    assert fail_dead_runs(instance) == []
    monkeypatch.setattr("stack.one_machine.stale.LONGEST_CREATION", timedelta(0))
    assert fail_dead_runs(instance) == [run_id]


def test_runs_of_other_launchers_are_left_alone(instance):
    run_id = started_run(instance, {})
    assert fail_dead_runs(instance) == []
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.STARTED
