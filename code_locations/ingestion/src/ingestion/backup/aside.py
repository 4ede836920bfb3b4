"""What is in STACK_HOME makes room for what is restored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

PREFIX = "before-restore-"
# What is made anew, and the lock that is held.
_STAYS = {"scratch", "connectors", "run.lock"}


def is_in(path: Path, folder: Path) -> bool:
    """Whether `path` lies below `folder`, links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def move_aside(home: Path) -> Path:
    """Move all that is in `home` into a new folder there, but for earlier ones; that folder."""
    aside = home / f"{PREFIX}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(parents=True)
    for entry in sorted(home.iterdir()):
        if entry.name not in _STAYS and not entry.name.startswith(PREFIX):
            entry.rename(aside / entry.name)
    return aside
