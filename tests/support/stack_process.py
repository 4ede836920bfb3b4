"""Drives the stack as its user does: as a process, with its own STACK_HOME."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from scripts.env_example import settings_classes

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("stack"))
GUARD = Path(__file__).parent / "no_network"


def clean_environment(**changes: str) -> dict[str, str]:
    """The environment without variables of the stack or of Dagster, plus `changes`."""
    ours = {name.upper() for cls in settings_classes() for name in cls.model_fields}
    kept = {k: v for k, v in os.environ.items() if k not in ours and k != "DAGSTER_HOME"}
    return kept | changes


@dataclass
class StackProcess:
    """A stack in `home`; `environment` has its other variables."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def env(self) -> dict[str, str]:
        """The environment of this stack's processes."""
        return clean_environment(STACK_HOME=str(self.home), **self.environment)

    def without_network(self, log: Path) -> StackProcess:
        """The same stack, with every attempt to leave the machine noted in `log`."""
        guard = {"PYTHONPATH": str(GUARD), "NO_NETWORK_LOG": str(log)}
        return StackProcess(self.home, self.environment | guard)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `python <arguments>` in the checkout, in a new process group."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, timeout: float = 1200) -> subprocess.CompletedProcess[str]:
        """Run `python <arguments>` to its end in the checkout, and keep what it prints."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def write_sample_data(self, size: int = 1000) -> None:
        """Write the sample exports with this number of time entries."""
        result = self.run(COMMAND, "sample-data", "--size", str(size))
        assert result.returncode == 0, result.stderr

    def run_pipeline(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`make run` without make: the daily pipeline unless `arguments` say otherwise."""
        return self.run(COMMAND, "run", *arguments)

    def kill_when_it_prints(self, mark: str, *arguments: str) -> str:
        """Start `run_pipeline`, and SIGKILL all its processes once a line contains `mark`."""
        process = self.start("-u", COMMAND, "run", *arguments)
        seen = []
        for line in process.stdout or ():
            seen.append(line)
            if mark in line:
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(120)
        if process.stdout:
            process.stdout.close()
        return "".join(seen)
