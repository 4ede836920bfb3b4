"""Clears what killed runs left in the folder of temporary files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from stack.retention.policy import before
from stack.retention.report import Cleared, Clock

# Folders of a library or a stage, which stay; only their contents belong to runs.
SHARED = frozenset({"airbyte", "catalog", "dbt", "duckdb"})


def clear_scratch(folder: Path, days: int, clock: Clock, *, dry_run: bool) -> Cleared:
    """Delete entries last written `days` ago and before any run in progress began."""
    cleared = Cleared("scratch", dry_run)
    sizes = {entry: _size(entry) for entry in _entries(folder)}
    cleared.before = cleared.after = sum(sizes.values())
    days_ago = before(clock.now, days)
    oldest = clock.at_most(days_ago) if days_ago else None
    for entry, size in sizes.items():
        with cleared.each(str(entry)):
            busy = any(run_id in entry.name for run_id in clock.in_progress)
            if oldest is not None and not busy and _written(entry) < oldest:
                cleared.delete(str(entry), size, partial(_delete, entry))
    return cleared


def _entries(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.name in SHARED and entry.is_dir() and not entry.is_symlink():
            yield from sorted(entry.iterdir())
        else:
            yield entry


def _files(entry: Path) -> Iterator[Path]:
    """The entry and everything below it; links aren't followed."""
    yield entry
    if entry.is_dir() and not entry.is_symlink():
        for inner in entry.iterdir():
            yield from _files(inner)


def _size(entry: Path) -> int:
    return sum(p.lstat().st_size for p in _files(entry) if p.is_symlink() or p.is_file())


def _written(entry: Path) -> datetime:
    newest = max(file.lstat().st_mtime for file in _files(entry))
    return datetime.fromtimestamp(newest, UTC)


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
