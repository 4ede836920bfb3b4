"""Another program that holds the DuckDB file open, like a shell or a BI tool."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
print("open", flush=True)
sys.stdin.read()
"""


class Holder:
    """The process."""

    def __init__(self, file: Path, mode: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _HOLD, file, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.pid = self._process.pid
        assert self._process.stdout
        assert self._process.stdout.readline() == b"open\n"

    def let_go(self) -> None:
        """Close the file; return when it is free."""
        self._process.communicate()

    def names_it(self, line: str) -> bool:
        """Whether a message identifies this process by number, user and program."""
        return f"process {self.pid} (user " in line and os.path.basename(sys.executable) in line  # noqa: PTH119


@contextmanager
def held(file: Path, mode: str = "writer") -> Iterator[Holder]:
    """Hold the file until the end of the block or `let_go`; `mode` is writer or reader."""
    holder = Holder(file, mode)
    try:
        yield holder
    finally:
        holder.let_go()
