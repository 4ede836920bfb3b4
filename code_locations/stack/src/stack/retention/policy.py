"""Decides which runs may be deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class PastRun:
    """What the decision needs to know. `line`: job and location, of which the newest run stays."""

    id: str
    job: str
    line: tuple[str, str]
    created: datetime
    is_finished: bool
    named: frozenset[str]  # itself, the first run of its pipeline, and the runs that it repeats


@dataclass(frozen=True)
class RunPolicy:
    """Days that runs are kept, 0 for ever; `days_of` overrides them for some jobs."""

    days: int
    newest: int
    days_of: Mapping[str, int]

    def oldest_kept(self, job: str, now: datetime) -> datetime | None:
        """Runs of the job that began before this are old; None if none ever are."""
        return before(now, self.days_of.get(job, self.days))


def before(now: datetime, days: int) -> datetime | None:
    """The moment `days` ago; None for 0 days, which mean for ever."""
    return now - timedelta(days=days) if days else None


def runs_to_delete(
    runs: Iterable[PastRun], holders: Collection[str], policy: RunPolicy, now: datetime
) -> list[PastRun]:
    """The old runs, oldest first.

    Except `holders`, which have the latest event of an asset or check; unfinished runs; and the
    newest run of each line.
    """
    found: list[PastRun] = []
    newer: Counter[tuple[str, str]] = Counter()
    for run in sorted(runs, key=lambda run: (run.created, run.id), reverse=True):
        newer[run.line] += 1
        oldest = policy.oldest_kept(run.job, now)
        is_old = oldest is not None and run.created < oldest
        if is_old and run.is_finished and newer[run.line] > policy.newest and run.id not in holders:
            found.append(run)
    return found[::-1]
