"""Moves the contents of STACK_HOME out of the way of what is restored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

PREFIX = "before-restore-"
# What can be made again, and locks that are held.
_STAYS = {"scratch", "connectors", "run.lock", "service"}


def is_in(path: Path, folder: Path) -> bool:
    """Whether `path` lies below `folder`, links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def move_aside(home: Path) -> Path:
    """Move everything in `home` except earlier such folders into a new folder there; return it."""
    aside = home / f"{PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(parents=True)
    for entry in sorted(home.iterdir()):
        if entry.name not in _STAYS and not entry.name.startswith(PREFIX):
            entry.rename(aside / entry.name)
    return aside
