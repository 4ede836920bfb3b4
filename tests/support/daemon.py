"""A real `dagster-daemon` for code locations that a test writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from support.servers import wait_until
from support.stack_process import StackProcess

DEADLINE_S = 900.0
INSTANCE = """
telemetry: {{enabled: false}}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {{dequeue_interval_seconds: 1}}
concurrency:
  runs: {{max_concurrent_runs: {limit}}}
  pools: {{granularity: run, default_limit: 1}}
"""


def stack_of_locations(
    home: Path,
    sources: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    limit: int = 10,
) -> StackProcess:
    """A stack in `home` whose code locations are these Python sources, by name.

    `limit` is the number of runs that may be in progress. `workspace.yaml` has all locations,
    `<name>.yaml` only one.
    """
    folder = home / "dagster"
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(INSTANCE.format(limit=limit))
    entries = []
    for name, source in sources.items():
        file = home / f"{name}_location.py"
        file.write_text(source)
        entry = f"  - python_file: {{relative_path: {file}, location_name: {name}}}"
        (home / f"{name}.yaml").write_text(f"load_from:\n{entry}\n")
        entries.append(entry)
    (home / "workspace.yaml").write_text("\n".join(["load_from:", *entries]))
    return StackProcess(home, {"DAGSTER_HOME": str(folder), **(environment or {})})


@contextmanager
def daemon(stack: StackProcess, workspace: str = "workspace.yaml") -> Iterator[None]:
    """A daemon for the workspace's locations; it and its child processes are killed at the end."""
    program = Path(sys.executable).parent / "dagster-daemon"
    with _log_of(stack).open("a") as output:
        process = subprocess.Popen(
            [program, "run", "-w", stack.home / workspace],
            env=stack.env(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(120)


def wait_for(condition: Callable[[], object], stack: StackProcess) -> None:
    """Poll until the condition holds; at the deadline, raise with the end of the daemon's log."""
    wait_until(condition, "the daemon", _log_of(stack), within_s=DEADLINE_S)


def skipped_with(instance: dg.DagsterInstance, sensor: str, text: str) -> bool:
    """Whether one of a sensor's last ticks was skipped with a reason that contains `text`."""
    states = [s for s in instance.all_instigator_state() if s.instigator_name == sensor]
    return any(
        text in (tick.tick_data.skip_reason or "")
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=20)
    )


def _log_of(stack: StackProcess) -> Path:
    return stack.home / "daemon.log"
