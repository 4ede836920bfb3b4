"""The day in one message: what needs a person, what the pipelines did, and the tables' state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from statistics import median

from observability.facts.costs import cost_of
from observability.facts.model import Facts, Freshness, Outcome, PipelineFact
from observability.incidents.model import Incident, Severity
from observability.messages.page import Bars, Section, as_html, as_text
from observability.messages.state import Day, Message
from observability.messages.text import Words, duration, incident_line
from stack.pipelines import DAILY, MONITORING
from stack.words import several

DAY = timedelta(days=1)
# Slow: longer than the median of at least this many others by this factor and this many seconds.
SLOW_FACTOR, SLOW_OF_AT_LEAST, SLOW_BY_S = 1.5, 3, 60.0
DAYS_SHOWN = 14
LISTED_AT_MOST = 15


def digest_message(
    facts: Facts, incidents: Iterable[Incident], days: Sequence[Day], words: Words
) -> Message:
    """The digest of the 24 hours up to the facts; `days` are from `day_of`, oldest first."""
    open_ones = sorted(
        (i for i in incidents if i.told), key=lambda i: (-i.finding.severity.rank, i.first_seen)
    )
    people = [i for i in open_ones if i.finding.severity is not Severity.INFO]
    title = (
        "All is well"
        if not people and not facts.unknown
        else f"{several(len(people), 'thing')} to see to"
        if people
        else "Nothing is known to be wrong, but not all could be looked at"
    )
    sections = [
        Section(
            "What needs a person",
            [f"{incident_line(i, facts.at)} {i.finding.next_step}" for i in people],
        ),
        Section("Not looked at", [f"{name}: {why}" for name, why in sorted(facts.unknown.items())]),
        Section("Pipelines of the last 24 hours", _pipelines(facts, words)),
        Section("Tables", _tables(facts)),
    ]
    bars = [_rows(days), _nights(days)]
    link = [words.ui_url] if words.ui_url else []
    shown = [section for section in sections if section.lines]
    return Message(
        id=f"digest-{facts.at.astimezone(words.zone):%Y-%m-%d}",
        at=facts.at,
        severity=Severity.INFO,
        title=f"{title}, {facts.at.astimezone(words.zone):%a %d %b}",
        text=as_text(shown, bars, link),
        html=as_html(title, shown, bars, link),
    )


def _rows(days: Sequence[Day]) -> Bars:
    gained = [(day, max(0, day.rows - before.rows)) for before, day in pairwise(days)]
    bars = [(f"{day.day:%d %b}", float(rows), f"{rows:,}") for day, rows in gained]
    return Bars("Rows that the raw tables gained", bars)


def _nights(days: Sequence[Day]) -> Bars:
    bars = [
        (f"{day.day:%d %b}", day.seconds, duration(day.seconds))
        for day in days
        if day.seconds is not None
    ]
    return Bars("How long the night took", bars)


def day_of(facts: Facts, words: Words) -> Day:
    """What later digests show about this day."""
    rows = sum(table.rows or 0 for table in facts.tables if table.path[0] == "raw")
    nights = [p for p in _recent(facts) if p.pipeline == DAILY.name]
    seconds = next((s for p in nights if (s := _seconds(p)) is not None), None)
    return Day(day=facts.at.astimezone(words.zone).date(), rows=rows, seconds=seconds)


def kept_days(days: Sequence[Day], day: Day) -> list[Day]:
    """The newest days, each once."""
    return [*(d for d in days if d.day != day.day), day][-DAYS_SHOWN:]


def _recent(facts: Facts) -> list[PipelineFact]:
    recent = [p for p in facts.pipelines if (p.ended or facts.at) > facts.at - DAY]
    return sorted(recent, key=lambda p: p.begun, reverse=True)


def _pipelines(facts: Facts, words: Words) -> list[str]:
    lines = []
    for pipeline in _recent(facts):
        if pipeline.pipeline == MONITORING.name:
            continue
        seconds = _seconds(pipeline)
        told = f"{pipeline.pipeline}: {pipeline.outcome}, begun {words.moment(pipeline.begun)}"
        told += f", {duration(seconds)}" if seconds is not None else ""
        told += _cost(pipeline) if pipeline.ended else ""
        usual = _usual(pipeline, facts)
        if seconds and usual and seconds > max(SLOW_FACTOR * usual, usual + SLOW_BY_S):
            told += f", slow: it usually takes {duration(usual)}"
        lines.append(told)
    return _limited(lines)


def _cost(pipeline: PipelineFact) -> str:
    cost = cost_of(pipeline)
    if cost.cpu_seconds is None or cost.memory_bytes is None:
        return ""
    return f" ({duration(cost.cpu_seconds)} of CPU, {cost.memory_bytes / 2**20:,.0f} MiB of memory)"


def _seconds(pipeline: PipelineFact) -> float | None:
    if pipeline.outcome is not Outcome.SUCCEEDED or pipeline.ended is None:
        return None
    return (pipeline.ended - pipeline.begun).total_seconds()


def _usual(pipeline: PipelineFact, facts: Facts) -> float | None:
    """The median of the same pipeline's other successes."""
    others = [
        seconds
        for p in facts.pipelines
        if p.pipeline == pipeline.pipeline
        and p.pipeline_id != pipeline.pipeline_id
        and (seconds := _seconds(p)) is not None
    ]
    return median(others) if len(others) >= SLOW_OF_AT_LEAST else None


def _tables(facts: Facts) -> list[str]:
    """Tables loaded, held, set aside, fresh and stale."""
    since = facts.at - DAY
    made = [t for t in facts.tables if t.materialised > since]
    held = [t for t in facts.tables if t not in made and t.held_since is not None]
    stale = [t for t in facts.tables if t.freshness is Freshness.STALE]
    fresh = [t for t in facts.tables if t.freshness is Freshness.FRESH]
    aside = sum(t.rows_set_aside or 0 for t in made)
    if not facts.tables:
        return []
    lines = [
        f"Made anew: {len(made)} of {len(facts.tables)}. Held as they were: {len(held)}. "
        f"Rows set aside: {aside:,}.",
    ]
    if fresh or stale:
        lines.append(f"Fresh: {len(fresh)}, stale: {len(stale)}.")
    failed = [check for check in facts.checks if not check.passed]
    lines.append(f"Checks: {len(facts.checks) - len(failed)} passed, {len(failed)} failed.")
    return _limited(lines)


def _limited(lines: Sequence[str]) -> list[str]:
    more = len(lines) - LISTED_AT_MOST
    return [*lines[:LISTED_AT_MOST], f"and {more} more"] if more > 0 else list(lines)
