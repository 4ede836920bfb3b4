"""Waits for a DuckDB file that another process holds, and says who that is."""

from __future__ import annotations

import logging
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from stack.errors import one_line

T = TypeVar("T")

# Dagster puts messages of its own loggers into the run's log, on every instance.
log = logging.getLogger("dagster.builtin.stack.warehouse")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
SAY_EVERY_S = 10.0
LONGEST_COMMAND = 200
# What a command line may reveal: passwords in URLs and options.
_SECRETS = (
    (re.compile(r"(://[^/\s:@]*:)[^\s@]+@"), r"\1***@"),
    (re.compile(r"(?i)((?:pass|pwd|secret|token|key)\w*(?:=|\s+))\S+"), r"\1***"),
)


def is_lock_conflict(error: Exception) -> bool:
    """Whether DuckDB couldn't open the file because another process has it open."""
    return "could not set lock on file" in str(error).lower()


def open_patiently(attempt: Callable[[], T], file: Path, wait_s: float) -> T:
    """Return `attempt()`, retried until the lock of `file` is free.

    Tries for `wait_s` seconds and logs that it waits, and for whom. After that, and for any other
    error at once, raises the last attempt's IOException.
    """
    import duckdb

    deadline = time.monotonic() + wait_s
    pause, say_at = FIRST_PAUSE_S, 0.0
    while True:
        try:
            return attempt()
        except duckdb.IOException as error:
            left = deadline - time.monotonic()
            if not is_lock_conflict(error) or left <= 0:
                raise
            if time.monotonic() >= say_at:
                log.warning(f"{file} is held by {holder(error)}: waiting up to {left:.0f} s for it")
                say_at = time.monotonic() + SAY_EVERY_S
        time.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE_S)


def holder(error: Exception) -> str:
    """Who has the file open: process, user and command line, as far as known."""
    found = re.search(r"\bPID (\d+)", str(error))
    if found is None:
        return "another process"
    pid = int(found[1])
    described = _from_ps(pid) or _from_proc(pid)
    return f"process {pid} ({described})" if described else f"process {pid}"


def _from_ps(pid: int) -> str:
    command = ["ps", "-ww", "-o", "user=,args=", "-p", str(pid)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    user, _, arguments = done.stdout.strip().partition(" ")
    return f"user {user}: {_shown(arguments)}" if arguments else ""


def _from_proc(pid: int) -> str:
    """As `_from_ps`, for a Linux without `ps`, as many images are."""
    folder = Path("/proc") / str(pid)
    try:
        arguments = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
        return f"user {folder.owner()}: {_shown(arguments.decode(errors='replace'))}"
    except (OSError, KeyError):
        return ""


def _shown(arguments: str) -> str:
    for pattern, masked in _SECRETS:
        arguments = pattern.sub(masked, arguments)
    return one_line(arguments, LONGEST_COMMAND)
