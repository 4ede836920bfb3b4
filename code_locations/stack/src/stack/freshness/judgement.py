"""Whether a table is fresh at a given moment. Pure functions; times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stack.freshness.policy import FreshnessPolicy


class Freshness(StrEnum):
    """Whether a table is as new as its policy demands."""

    FRESH = "fresh"
    STALE = "stale"
    UNKNOWN = "unknown"  # nothing was ever loaded, or there is no policy


@dataclass(frozen=True)
class Seen:
    """What runs recorded about a table: when it was last built, and its newest event.

    `held`: when a later run found nothing to do.
    """

    materialised: datetime | None = None
    held: datetime | None = None
    newest: datetime | None = None

    @property
    def made(self) -> datetime | None:
        """When a run last built it, or found that it would build the same again."""
        return max((at for at in (self.materialised, self.held) if at), default=None)


@dataclass(frozen=True)
class Verdict:
    """`since`: stale since then. `until`: fresh until then, unless it is built again."""

    freshness: Freshness
    sentence: str
    since: datetime | None = None
    until: datetime | None = None


def judge(policy: FreshnessPolicy | None, seen: Seen, now: datetime) -> Verdict:
    """Whether the table meets its policy at `now`."""
    if policy is None:
        return Verdict(Freshness.UNKNOWN, "nothing is declared of how new it has to be")
    if seen.made is None:
        return Verdict(Freshness.UNKNOWN, f"wanted {policy.in_words}; it was never made")
    deadlines = sorted(policy.deadlines(seen.made, seen.newest))
    missed = [(at, wanted) for at, wanted in deadlines if at <= now]
    if missed:
        since = missed[0][0]
        wanted = " and ".join(words for _, words in missed)
        told = f"stale since {shown(since)}: wanted {wanted}; {_told(policy, seen)}"
        return Verdict(Freshness.STALE, told, since=since)
    if policy.newest and seen.newest is None:
        told = f"wanted {policy.in_words}; it has no {policy.newest} that isn't in the future"
        return Verdict(Freshness.UNKNOWN, told)
    until = deadlines[0][0]
    told = f"fresh until {shown(until)}: {_told(policy, seen)}, wanted {policy.in_words}"
    return Verdict(Freshness.FRESH, told, until=until)


def shown(moment: datetime) -> str:
    """A moment in the form people read."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _told(policy: FreshnessPolicy, seen: Seen) -> str:
    """What is known of the table, in words."""
    parts = []
    if seen.materialised:
        parts.append(f"made {shown(seen.materialised)}")
    if seen.held and seen.held == seen.made:
        parts.append(f"found unchanged {shown(seen.held)}")
    if policy.newest and seen.newest:
        newest = shown(seen.newest).removesuffix(" 00:00 UTC")
        parts.append(f"nothing newer in {policy.newest} than {newest}")
    return ", ".join(parts)
