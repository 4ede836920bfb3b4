"""Loaded files: people's copies, kept for ever unless a policy says otherwise."""

from __future__ import annotations

from functools import partial

from stack.retention.files import found_below
from stack.retention.policy import before
from stack.retention.report import Cleared, Clock
from stack.storage import filesystem


def clear_processed(
    url: str, days: int, clock: Clock, *, quarantine: str, dry_run: bool
) -> Cleared:
    """Delete files moved to `url` more than `days` ago, but never from the quarantine."""
    cleared = Cleared("processed files", dry_run)
    fs, root = filesystem(url)
    other, kept = filesystem(quarantine)
    files = [
        file
        for file in found_below(fs, root)
        if fs != other or not f"{root}/{file.path}".startswith(f"{kept}/")
    ]
    cleared.before = cleared.after = sum(file.size for file in files)
    oldest = before(clock.now, days)
    if oldest is None:
        cleared.note = "kept for ever"
        return cleared
    for file in files:
        if file.written < oldest:
            cleared.delete(file.path, file.size, partial(fs.rm_file, f"{root}/{file.path}"))
    return cleared
