"""Copies a SQLite file as of one moment, even while others write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def copied(file: Path, scratch: Path) -> Iterator[IO[bytes]]:
    """A copy of the database, without its log; raises FileNotFoundError if it is gone."""
    if not file.exists():
        raise FileNotFoundError(file)
    with NamedTemporaryFile(dir=scratch, suffix=".db") as temporary:
        with (
            closing(sqlite3.connect(file, timeout=60)) as source,
            closing(sqlite3.connect(temporary.name)) as target,
        ):
            source.backup(target)
        with Path(temporary.name).open("rb") as copy:
            yield copy


def remove(file: Path) -> None:
    """Delete the database with its log."""
    for end in ("", "-wal", "-shm", "-journal"):
        file.with_name(file.name + end).unlink(missing_ok=True)
