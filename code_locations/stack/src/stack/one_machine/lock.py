"""One `make run` at a time on one machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.errors import StackError


class AlreadyRunningError(StackError):
    """Another process runs a pipeline in the same STACK_HOME."""


@contextmanager
def single_run(home: Path) -> Iterator[None]:
    """Hold the lock of `home`; the system drops it when the process ends, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "run.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunningError(
                f"a pipeline already runs in {home} (process {file.read().strip() or 'unknown'}): "
                "wait for it, or set STACK_HOME to another folder"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
