"""The status for people: first what needs them, and no more than a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from observability.facts.model import Facts, Freshness, Outcome, PipelineFact
from observability.incidents.found import silent_daemons
from observability.incidents.model import Finding, Kind, Severity
from observability.messages.text import duration
from observability.status.verdict import State, Verdict
from stack.errors import one_line
from stack.pipelines import DAILY, MONITORING

COLORS = {State.WELL: "green", State.NEEDS_A_PERSON: "red", State.UNKNOWN: "yellow"}
OUTCOMES = {Outcome.SUCCEEDED: "green", Outcome.FAILED: "red", Outcome.CANCELED: "yellow"}
SHOWN = 12
TOGETHER = 3  # more tables that are stale for the same reason share a line
TICKS = 3


def print_status(console: Console, facts: Facts, verdict: Verdict) -> None:
    """Print the verdict, and what is known."""
    color = COLORS[verdict.state]
    told = verdict.sentence[:1].upper() + verdict.sentence[1:]
    console.print(f"[bold {color}]{escape(told)}[/bold {color}]  {_at(facts.at)} UTC")
    for line in _needed(verdict, facts.at):
        console.print(line, soft_wrap=True)
    console.print()
    if facts.pipelines:
        console.print(_pipelines(facts))
        console.print()
    for label, line in _lines(facts):
        console.print(f"[bold]{label:<8}[/bold]  {escape(line)}", soft_wrap=True)
    for part, why in sorted(facts.unknown.items()):
        console.print(f"[yellow]not looked at[/yellow]  {escape(f'{part}: {why}')}")


def _needed(verdict: Verdict, now: datetime) -> Iterator[str]:
    findings = [incident.finding for incident in verdict.incidents]
    stale = [f for f in findings if f.kind is Kind.STALE]
    if len(stale) > TOGETHER:
        findings = [f for f in findings if f.kind is not Kind.STALE]
    for finding in findings[:SHOWN]:
        yield _finding(finding, now)
    if len(findings) > SHOWN:
        yield f"  and {len(findings) - SHOWN} more: stack incidents"
    if len(stale) > TOGETHER:
        since = min(f.since for f in stale)
        names = ", ".join("/".join(f.asset) for f in stale)
        told = one_line(
            f"{len(stale)} tables are stale, the first since {_at(since)}: {names}", 300
        )
        yield f"  [yellow]warning[/yellow]  {escape(told)}"


def _finding(finding: Finding, now: datetime) -> str:
    color = "red" if finding.severity is Severity.ERROR else "yellow"
    lasted = duration((now - finding.since).total_seconds())
    told = one_line(f"{finding.subject}, for {lasted}: {finding.cause}", 300)
    what = f"\n           {escape(finding.next_step)}"
    log = f" `stack logs {finding.run_id[:8]}`" if finding.kind is Kind.PIPELINE else ""
    return f"  [{color}]{finding.severity:<7}[/{color}]  {escape(told)}[dim]{what}{log}[/dim]"


def _pipelines(facts: Facts) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("pipeline", "outcome", "begun (UTC)"):
        table.add_column(name)
    for name in ("took", "loaded"):
        table.add_column(name, justify="right")
    for newest in _newest(facts.pipelines):
        color = OUTCOMES.get(newest.outcome, "default")
        begun, until = newest.begun, newest.ended or facts.at
        loaded = _loaded(newest, facts)
        table.add_row(
            newest.pipeline,
            f"[{color}]{newest.outcome}[/{color}]",
            _at(begun),
            duration((until - begun).total_seconds()),
            "" if loaded is None else f"{loaded:,} rows",
        )
    return table


def _newest(pipelines: Iterable[PipelineFact]) -> list[PipelineFact]:
    """The newest round of each pipeline, newest first; monitoring only if it failed."""
    found: dict[str, PipelineFact] = {}
    for pipeline in sorted(pipelines, key=lambda p: p.begun, reverse=True):
        found.setdefault(pipeline.pipeline, pipeline)
    return [
        pipeline
        for pipeline in found.values()
        if pipeline.pipeline != MONITORING.name or pipeline.outcome is Outcome.FAILED
    ]


def _loaded(pipeline: PipelineFact, facts: Facts) -> int | None:
    """The rows that it loaded; None if its tables were rebuilt since."""
    runs = {run.run_id for run in pipeline.runs}
    rows = [t.rows_loaded for t in facts.tables if t.run_id in runs and t.rows_loaded is not None]
    return sum(rows) if rows else None


def _lines(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "Tables", _tables(facts)
    failed = sum(not check.passed for check in facts.checks)
    yield "Checks", f"{len(facts.checks) - failed} passed, {failed} failed"
    yield "Waiting", _waiting(facts)
    if facts.backfills:
        parts = (f"{b.backfill_id} {b.done} of {b.wanted} days" for b in facts.backfills)
        yield "Backfill", ", ".join(parts)
    if facts.outages:
        yield "Health", ", ".join(f"{o.name} {o.state.replace('_', ' ')}" for o in facts.outages)
    if facts.stores:
        yield "Stores", _stores(facts)
    yield "Next", _next(facts)
    yield "Daemon", _daemon(facts)


def _tables(facts: Facts) -> str:
    counts = {state: sum(t.freshness is state for t in facts.tables) for state in Freshness}
    newest = max((t.materialised for t in facts.tables), default=None)
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    if newest is None:
        return "none was ever made"
    told = told.replace("unknown", "without a policy")
    return f"{len(facts.tables)}: {told}; last made {_at(newest)}"


def _waiting(facts: Facts) -> str:
    parts = []
    if (queue := facts.queue) is not None:
        limit = "" if queue.limit is None else f" of {queue.limit}"
        parts.append(f"{queue.queued} in the queue, {queue.in_progress}{limit} at work")
        if queue.oldest_queued:
            waited = (facts.at - queue.oldest_queued).total_seconds()
            parts[-1] += f", the oldest waits for {duration(waited)}"
    parts.append(f"{len(facts.set_aside)} set aside")
    parts.append(f"{len(facts.alerts)} alerts")
    return ", ".join(parts)


def _stores(facts: Facts) -> str:
    parts = []
    for store in facts.stores:
        if store.name == "disk":
            free = "" if store.free is None else f"{_size(store.free)} free on the disk"
            parts.append(free)
        elif store.bytes is not None:
            parts.append(f"{store.name.replace('_', ' ')} {_size(store.bytes)}")
    return ", ".join(filter(None, parts))


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _next(facts: Facts) -> str:
    due = sorted(
        (item.next_tick, item.name)
        for item in facts.automation
        if item.kind == "schedule" and item.running and item.next_tick
    )
    if not due:
        name = DAILY.schedule.name if DAILY.schedule else ""
        return f"nothing starts by itself; `stack start {name}` begins"
    return ", ".join(f"{name} {_at(at)}" for at, name in due[:TICKS])


def _daemon(facts: Facts) -> str:
    heard = [daemon for daemon in facts.daemons if daemon.last_heartbeat is not None]
    if not heard:
        return "none has run here; `make dev` has one"
    silent = silent_daemons(facts)
    if not silent:
        return "alive"
    if len(silent) == len(heard):
        return f"not running since {_at(max(silent.values()))}"
    return f"silent parts: {', '.join(sorted(silent)).lower()}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
