"""With LOG_FORMAT=json, each line from a Dagster process is an event with its run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.utils import make_new_run_id
from dagster._grpc.types import ExecuteRunArgs

from stack.pipelines import INCREMENTAL_SYNC

SECRET = "canary-7d1f"


def lines_of(text: str) -> list[dict]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines
    for line in lines:
        assert {"time", "level", "logger", "message"} <= line.keys(), line
    return lines


@pytest.mark.parametrize("log", ["webserver.log", "daemon.log"])
def test_each_line_of_a_server_is_an_event(night, log):
    text = (night.stack.home / log).read_text()
    lines_of(text)
    assert SECRET not in text


def test_the_lines_of_a_run_say_what_they_belong_to(night):
    first, second = night.runs["ingestion"], night.runs["transformation"]
    lines = lines_of((night.stack.home / "daemon.log").read_text())
    for stage, run in night.runs.items():
        of_run = {
            "job": INCREMENTAL_SYNC.name, "pipeline_id": first.run_id, "location": stage,
        }  # fmt: skip
        mine = [line for line in lines if line.get("run_id") == run.run_id]
        assert mine
        assert not [line for line in mine if not of_run.items() <= line.items()]
    said = {line["message"]: line for line in lines}
    assert said["said by a library: ***"]["step"] == "talks"
    assert said["printed with ***"]["logger"] == "stdout"
    assert said["lines"]["logger"] == "stderr"
    assert said["UserWarning: something is old"]["step"] == "talks"
    assert said["Materialized value talks."]["asset"] == "talks"
    (failed,) = [line for line in lines if line.get("event") == "STEP_FAILURE"]
    assert "ValueError: no, says ***" in failed["exception"]
    assert (failed["run_id"], failed["step"]) == (second.run_id, "breaks")


def test_who_launched_is_told_with_its_own_fields(night):
    lines = lines_of((night.stack.home / "webserver.log").read_text())
    (told,) = [line for line in lines if line["logger"] == "pods.audit"]
    assert (told["audit"], told["names"]) == ("mutation", ["launchRun"])
    assert told["message"] == "audit mutation"


def test_each_line_of_a_runs_pod_has_its_run(night):
    """A pod's command: `dagster api execute_run`."""
    run = night.runs["ingestion"]
    again = DagsterRun(
        job_name=run.job_name,
        run_id=make_new_run_id(),
        job_code_origin=run.job_code_origin,
        remote_job_origin=run.remote_job_origin,
        job_snapshot_id=run.job_snapshot_id,
        execution_plan_snapshot_id=run.execution_plan_snapshot_id,
        tags=run.tags,
    )
    night.instance.add_run(again)
    args = ExecuteRunArgs(again.job_code_origin, again.run_id, night.instance.get_ref())
    program = Path(sys.executable).with_name("dagster")
    done = subprocess.run(
        [program, *args.get_command_args()[1:]],
        env=night.stack.env(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    lines = lines_of(done.stdout + done.stderr)
    assert not [line for line in lines if line.get("run_id") != again.run_id]
    assert "printed with ***" in [line["message"] for line in lines]
    assert SECRET not in done.stdout + done.stderr
