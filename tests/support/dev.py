"""A real `make dev` with a code location that a test writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from support.servers import free_port, wait_until
from support.stack_process import COMMAND, StackProcess
from support.webserver import Webserver

DEADLINE_S = 600.0


@dataclass
class Dev:
    """The stack, its UI, its one location `name`, and its log."""

    stack: StackProcess
    ui: Webserver
    instance: dg.DagsterInstance
    name: str
    log: Path

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Poll until the condition holds; at the deadline, raise with the end of the log."""
        wait_until(condition, "the stack", self.log, within_s=DEADLINE_S)

    def status(self, run_id: str) -> str:
        """The run's current status."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status.value


@contextmanager
def make_dev(stack: StackProcess, source: str, *arguments: str) -> Iterator[Dev]:
    """Run `make dev` with the source, which is written to `light.py` in STACK_HOME."""
    stack.home.mkdir(parents=True, exist_ok=True)
    file, log, port = stack.home / "light.py", stack.home / "dev.log", free_port()
    file.write_text(source)
    target = ["-f", file, "-d", stack.home, "-p", str(port), *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, COMMAND, "dev", *target],
            env=stack.env(), stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        ui = Webserver(f"http://127.0.0.1:{port}")
        wait_until(ui.answers, "the UI", log, process, within_s=DEADLINE_S)
        with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
            yield Dev(stack, ui, instance, "light.py", log)
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(120)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(120)
