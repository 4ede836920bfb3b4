"""One run at a time, and runs whose process died are not in progress for ever."""

import json
import os
import socket
import subprocess
import sys

import dagster as dg
import pytest

from stack.one_machine.lock import AlreadyRunningError, single_run
from stack.one_machine.stale import PID_TAG, SERVER_TAG, fail_dead_runs
from support.servers import free_port


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


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


def test_a_run_of_a_dead_process_is_marked_as_failed(instance):
    run_id = started_run(instance, {PID_TAG: str(dead_pid())})
    assert fail_dead_runs(instance) == [run_id]
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE


@pytest.fixture
def code_server(tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "server"))
        server.listen()
        yield server


def server_tag(**address) -> dict[str, str]:
    return {SERVER_TAG: json.dumps({"host": "localhost", **address})}


def test_a_run_goes_with_the_code_server_that_started_it(instance, code_server, tmp_path):
    run_id = started_run(instance, server_tag(socket=str(tmp_path / "server")))
    assert fail_dead_runs(instance) == []
    code_server.close()
    gone = started_run(instance, server_tag(socket=str(tmp_path / "gone")))
    refused = started_run(instance, server_tag(port=free_port()))
    assert set(fail_dead_runs(instance)) == {run_id, gone, refused}


def test_runs_of_living_processes_and_of_other_launchers_are_left_alone(instance):
    ours = started_run(instance, {PID_TAG: str(os.getppid())})
    others = started_run(instance, {})
    assert fail_dead_runs(instance) == []
    for run_id in (ours, others):
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.STARTED
