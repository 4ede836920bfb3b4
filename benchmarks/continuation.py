"""How long a pipeline waits between two code locations.

    python -m benchmarks.continuation [--pipelines 3]

A real daemon, with the `dagster.yaml` of one machine, takes pipelines through four quick code
locations in sequence. It measures from the end of a stage's run to the record of the next one,
which is the continuation sensor's share. Starting that run comes on top.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from benchmarks.quick_locations import PIPELINES_VARIABLE
from benchmarks.report import Finding, median, publish
from stack.one_machine.home import prepare_dagster_home
from stack.pipelines import Stage
from stack.settings import StackSettings, load_settings

ROOT = Path(__file__).parents[1]
BUDGET_S = 4.0
DEADLINE_S = 300.0
RUN_KEY_TAG = "dagster/run_key"


def main() -> int:
    """Measure, publish, and return 1 if the budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pipelines", type=int, default=3)
    pipelines = parser.parse_args().pipelines
    os.environ.pop("DAGSTER_POSTGRES_URL", None)
    with tempfile.TemporaryDirectory(prefix="stack-bench-") as temporary:
        os.environ["STACK_HOME"] = temporary
        os.environ[PIPELINES_VARIABLE] = str(pipelines)
        home = prepare_dagster_home(load_settings(StackSettings))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            with daemon(home, workspace(Path(temporary))):
                runs = wait_for_runs(instance, pipelines * len(Stage))
            waits = waits_between(runs)
    finding = Finding("end of a stage to next run", "1 s", median(waits), 1.0, BUDGET_S)
    conditions = {"pipelines": pipelines, "waits": len(waits), "longest": f"{max(waits):.1f} s"}
    return 0 if publish("continuation", [finding], conditions) else 1


def workspace(folder: Path) -> Path:
    """A workspace of the quick locations, with one process each."""
    source = ROOT / "benchmarks" / "quick_locations.py"
    entries = [
        f"  - python_file: {{relative_path: {source}, attribute: {stage}, location_name: {stage}}}"
        for stage in Stage
    ]
    file = folder / "workspace.yaml"
    file.write_text("\n".join(["load_from:", *entries]))
    return file


@contextmanager
def daemon(home: Path, file: Path) -> Iterator[None]:
    """A daemon for the workspace; it and all its child processes are killed at the end."""
    program = Path(sys.executable).parent / "dagster-daemon"
    with (home / "daemon.log").open("w") as log:
        process = subprocess.Popen(
            [program, "run", "-w", file],
            cwd=ROOT, env=os.environ | {"DAGSTER_HOME": str(home)}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_runs(instance: dg.DagsterInstance, count: int) -> Sequence[dg.RunRecord]:
    """The records of all runs once that many have succeeded. Raises TimeoutError."""
    done = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS])
    deadline = time.monotonic() + DEADLINE_S
    while instance.get_runs_count(done) < count:
        if time.monotonic() > deadline:
            log = Path(instance.root_directory, "daemon.log").read_text()
            raise TimeoutError(f"{instance.get_runs_count(done)} of {count} runs\n{log[-3000:]}")
        time.sleep(0.5)
    return instance.get_run_records()


def waits_between(records: Sequence[dg.RunRecord]) -> list[float]:
    """Seconds from the end of a run to the record of the run that continues it."""
    ends = {record.dagster_run.run_id: record.end_time for record in records}
    return [
        record.create_timestamp.timestamp() - end
        for record in records
        if (end := ends.get(record.dagster_run.tags.get(RUN_KEY_TAG, ""))) is not None
    ]


if __name__ == "__main__":
    sys.exit(main())
