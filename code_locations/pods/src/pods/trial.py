"""One small run through the release, for `helm test`: `python -m pods.trial --job NAME …`.

The run goes the way of all others: into the queue, through the daemon to the launcher, into a Job.
One line says how long it took, or why it failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dagster import DagsterInstance, DagsterRunStatus

LOOK_EVERY_S = 1.0
SHOWN = 500
_OVER = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}


class TrialError(Exception):
    """The release doesn't work; the message is one line that says why."""


@dataclass(frozen=True)
class Took:
    """Seconds of a run: in the queue, from there until its process started, and until its end."""

    queue: float
    start: float
    work: float

    def __str__(self) -> str:
        return (
            f"{self.queue:.0f} s in the queue, {self.start:.0f} s until its Job worked, "
            f"{self.work:.0f} s of work"
        )


def check_ui(url: str, *, closed: bool) -> None:
    """Ask the UI for its health and, if it should be `closed`, try what needs a login.

    Raises TrialError.
    """
    status = _status(f"{url}/-/healthy")
    if status != 200:
        raise TrialError(f"the UI at {url} answers {status} to /-/healthy: expected 200")
    status = _status(f"{url}/server_info")
    if closed and status not in (401, 403):
        raise TrialError(f"the UI at {url} answers {status} without a login: expected 401 or 403")


def launch(workspace: str, location: str, job: str) -> str:
    """Queue a run of the job; return its id. Raises TrialError if Dagster refuses."""
    run_id = str(uuid.uuid4())
    command = ["dagster", "job", "launch", "--workspace", workspace, "--location", location]
    command += ["--job", job, "--run-id", run_id, "--tags", '{"dagster/priority": "100"}']
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"exit code {done.returncode}\n{done.stderr.strip()}".splitlines()
        # Dagster prints the reason there, perhaps followed by a traceback.
        reasons = [line[7:] for line in said if line.startswith("Error: ")]
        raise TrialError(f"{location} did not take {job}: {_line((reasons or said)[-1])}")
    return run_id


def wait(
    instance: DagsterInstance,
    run_id: str,
    seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> Took:
    """Wait for the run to succeed. Raises TrialError if it ends otherwise, or not at all."""
    deadline = time.monotonic() + seconds
    while (status := _status_of(instance, run_id)) not in _OVER:
        if time.monotonic() > deadline:
            raise TrialError(
                f"run {run_id} is {status.value} after {seconds:.0f} s; last: "
                f"{_last_said(instance, run_id)}; it goes on"
            )
        pause(LOOK_EVERY_S)
    if status != DagsterRunStatus.SUCCESS:
        raise TrialError(f"run {run_id}: {status.value}: {_why(instance, run_id)}")
    stats = instance.get_run_stats(run_id)
    moments = stats.enqueued_time, stats.launch_time, stats.start_time, stats.end_time
    enqueued, launched, started, ended = moments
    if enqueued is None or launched is None or started is None or ended is None:
        raise TrialError(f"run {run_id} succeeded, but not by way of queue and launcher")
    return Took(launched - enqueued, started - launched, ended - started)


def main(arguments: Sequence[str] | None = None) -> str:
    """Run the trial; return the line that reports it. Raises TrialError."""
    parser = argparse.ArgumentParser(prog="pods.trial")
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--location", required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--ui", required=True, help="its URL, with a prefix")
    parser.add_argument("--open", action="store_true", help="the UI needs no login")
    given = parser.parse_args(arguments)
    check_ui(given.ui, closed=not given.open)
    run_id = launch(given.workspace, given.location, given.job)
    with DagsterInstance.get() as instance:
        took = wait(instance, run_id, given.seconds)
    return f"{given.location}/{given.job} succeeded as run {run_id}: {took}"


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the chart's own URL
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        raise TrialError(f"the UI does not answer at {url}: {_line(error)}") from None


def _status_of(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise TrialError(f"run {run_id} is gone: somebody deleted it")
    return run.status


def _why(instance: DagsterInstance, run_id: str) -> str:
    """The first failed step's reason, or else that of the run's failure."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id)]
    failures = [event for event in events if event and event.is_failure]
    for event in failures:
        if event.is_step_failure and (error := event.step_failure_data.error):
            return _line(error.cause.message if error.cause else error.message)
    return _line(failures[-1].message) if failures else _last_said(instance, run_id)


def _last_said(instance: DagsterInstance, run_id: str) -> str:
    said = [
        entry.dagster_event.message
        for entry in instance.all_logs(run_id)
        if entry.is_dagster_event and entry.dagster_event
    ]
    return _line(next((message for message in reversed(said) if message), "nothing"))


def _line(text: object) -> str:
    return " ".join(str(text).split())[:SHOWN]


if __name__ == "__main__":
    try:
        sys.stdout.write(f"ok: {main()}\n")
    except TrialError as error:
        sys.exit(f"failed: {error}")
