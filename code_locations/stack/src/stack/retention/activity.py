"""Clears old days of the activity log."""

from __future__ import annotations

from functools import partial

from stack.activity import FOLDER, day_of
from stack.retention.files import found_below
from stack.retention.policy import before
from stack.retention.report import Cleared, Clock
from stack.storage import filesystem


def clear_activity(artifacts_url: str, days: int, clock: Clock, *, dry_run: bool) -> Cleared:
    """Delete days older than `days`; other files stay."""
    cleared = Cleared("activity", dry_run)
    fs, root = filesystem(f"{artifacts_url.rstrip('/')}/{FOLDER}")
    oldest = before(clock.now, days)
    files = list(found_below(fs, root))
    cleared.before = cleared.after = sum(file.size for file in files)
    for file in files:
        day = day_of(file.path)
        if oldest is None or day is None or day >= oldest.date():
            continue
        path = f"{root}/{file.path}"
        cleared.delete(path, file.size, partial(fs.rm, path))
    return cleared
