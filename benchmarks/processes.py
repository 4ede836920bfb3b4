"""Commands to the end, and the CPU seconds that they and their child processes took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

STACK = str(Path(sys.executable).with_name("stack"))


def stack(home: Path, *arguments: str) -> float:
    """CPU seconds of a stack command with this STACK_HOME."""
    return cpu_seconds([STACK, *arguments], environment={"STACK_HOME": str(home)})


def cpu_seconds(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> float:
    """CPU seconds of a command; if it fails, its output is shown and the benchmark ends."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
