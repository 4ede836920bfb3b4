"""Files at a fsspec URL with their sizes and ages, and their deletion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Found:
    """A file; `path` is below the root. `written`: when it arrived there, or last changed."""

    path: str
    size: int
    written: datetime


def found_below(fs: Any, root: str) -> Iterator[Found]:
    """Files below `root`; links are skipped, as they may lead out of it."""
    is_local = "file" in fs.protocol
    inside = os.path.realpath(root)
    try:
        entries = fs.find(root, detail=True)
    except FileNotFoundError:
        return
    for name, info in entries.items():
        path = str(name).removeprefix(root).lstrip("/")
        real = os.path.realpath(str(name)) if is_local else ""
        if not path or (is_local and not Path(real).is_relative_to(inside)):
            continue
        yield Found(path, int(info.get("size") or 0), written_at(info))


def folder_size(folder: Path) -> int:
    """Bytes of the files below a local folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def written_at(info: dict[str, Any]) -> datetime:
    """The newest time that fsspec reports for a file, or now if it reports none.

    A moved file keeps its modification time, which may be years ago.
    """
    moments = [_moment(info[k]) for k in ("mtime", "created", "LastModified") if info.get(k)]
    return max(moments, default=datetime.now(UTC))


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)
