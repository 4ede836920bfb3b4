"""Which arrived files are complete, and which of them make up the next runs.

Files on disk may still be growing: one counts as complete if its size and time (or an object
store's ETag) are the same as in an earlier look, `settle_s` or more ago.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from pydantic import Field

from ingestion.files.listing import Export
from ingestion.incoming.inbox import table_of
from stack.sensors import SensorCursor

# A file that is still there after its run is handed out again, later each time.
FIRST_WAIT_S = 60.0
LONGEST_WAIT_S = 3600.0


class Sight(NamedTuple):
    """A file unchanged since `since`, handed out `tries` times, and not again before `not_before`.

    Times are seconds since the epoch.
    """

    version: str
    since: float
    tries: int = 0
    not_before: float = 0.0

    def handed_out(self, now: float) -> Sight:
        """The state after it was given to a run."""
        wait = min(FIRST_WAIT_S * 2.0 ** min(self.tries, 10), LONGEST_WAIT_S)
        return self._replace(tries=self.tries + 1, not_before=now + wait)


class Cursor(SensorCursor):
    """What the sensor remembers: the waiting files of `source`, by path.

    Losing it only costs one more look at each file.
    """

    seen: dict[str, Sight] = Field(default_factory=dict)

    def look(self, found: Iterable[Export], now: float) -> Cursor:
        """The cursor after a look that found exactly these files."""
        seen = {}
        for export in found:
            before = self.seen.get(export.path)
            same = before is not None and before.version == export.version
            seen[export.path] = before if before and same else Sight(export.version, now)
        return Cursor(source=self.source, seen=seen)

    def complete(self, before: Cursor, now: float, settle_s: float) -> list[str]:
        """Paths of files unchanged since `before`, for long enough, whose turn it is."""
        return [
            path
            for path, sight in self.seen.items()
            if path in before.seen
            and before.seen[path].version == sight.version
            and sight.since <= now - settle_s
            and sight.not_before <= now
        ]

    def hand_out(self, paths: Collection[str], now: float) -> Cursor:
        """The cursor after these files were given to runs."""
        given = {path: self.seen[path].handed_out(now) for path in paths}
        return Cursor(source=self.source, seen=self.seen | given)


def batches(
    paths: Sequence[str], held: Collection[str], *, size: int, most: int
) -> list[tuple[str, ...]]:
    """Up to `most` groups of up to `size` paths, in their order.

    All files of a table are in one group, and those beyond `size` wait: no two runs load the same
    table, so that none can miss what the other has already loaded. `held` are tables that an
    unfinished run loads. Files without a table count as those of one table, "".
    """
    by_table: dict[str, list[str]] = {}
    for path in paths:
        if (table := table_of(path)) not in held:
            by_table.setdefault(table, []).append(path)
    groups: list[list[str]] = []
    for files in by_table.values():
        chosen = files[:size]
        room = next((group for group in groups if len(group) + len(chosen) <= size), None)
        if room is not None:
            room.extend(chosen)
        elif len(groups) < most:
            groups.append(chosen)
    return [tuple(group) for group in groups]


def batch_id(versions: Iterable[tuple[str, str]]) -> str:
    """A name for a batch, from the paths and versions of its files."""
    text = json.dumps(sorted(versions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
