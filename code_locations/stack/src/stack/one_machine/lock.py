"""One `make run` at a time on one machine, and one daemon."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stack.errors import StackError

# Below STACK_HOME: files shared by the processes of a service.
SERVICE = "service"
_held: list[IO[str]] = []


class AlreadyRunningError(StackError):
    """Another process is doing the same in this STACK_HOME."""


def hold_daemon(home: Path) -> None:
    """Make this the only process that runs Dagster's daemon, until it ends.

    Two daemons would launch the same runs. Raises AlreadyRunningError.
    """
    (home / SERVICE).mkdir(mode=0o700, parents=True, exist_ok=True)
    file = (home / SERVICE / "daemon.lock").open("a+")
    _take(
        file,
        f"a daemon already runs in {home}",
        "end that `make dev`, or `stack service uninstall`, or set STACK_HOME to another folder",
    )
    _held.append(file)


@contextmanager
def alone(home: Path, what: str) -> Iterator[None]:
    """Run the block while no other process of the service does, waiting as long as it takes.

    Processes that create Dagster's tables at the same time leave a database that none can open.
    """
    (home / SERVICE).mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / SERVICE / f"{what}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def single_run(home: Path) -> Iterator[None]:
    """Hold the lock of `home`; the system releases it when the process ends, however it ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "run.lock").open("a+") as file:
        told = f"a pipeline already runs in {home}"
        _take(file, told, "wait for it, or set STACK_HOME to another folder")
        yield


def _take(file: IO[str], told: str, next_step: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        raise AlreadyRunningError(f"{told} (process {holder}): {next_step}") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
