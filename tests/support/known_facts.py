"""Short notations for a stack's facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from observability.facts.model import (
    AutomationFact,
    CheckFact,
    DaemonFact,
    Facts,
    Failure,
    Freshness,
    Outcome,
    PipelineFact,
    RunFact,
    TableFact,
)

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def turn(
    outcome: Outcome,
    begun: datetime = NIGHT,
    pipeline: str = "daily_data_pipeline",
    *,
    reason: str = "no such column: amount",
    step: str = "dbt_run",
    tries: int = 1,
    **tags: str,
) -> PipelineFact:
    """A pipeline's round of ten minutes; a failed one failed in `step`."""
    ended = begun + timedelta(minutes=10) if outcome in {"succeeded", "failed"} else None
    failed = outcome is Outcome.FAILED
    runs = tuple(
        RunFact(
            run_id=f"{pipeline}-{begun:%d%H%M}-{number}",
            pipeline=pipeline,
            pipeline_id=f"{pipeline}-{begun:%d%H%M}-0",
            status="failure" if failed else str(outcome),
            created=begun,
            ended=ended,
            failure=Failure(reason, step) if failed else None,
            tags={**tags, **({"dagster/retry_number": str(number)} if number else {})},
        )
        for number in range(tries)
    )
    return PipelineFact(pipeline, runs[0].run_id, outcome, begun, runs, ended)


def check(*, passed: bool, run_id: str = "", severity: str = "error", **other: Any) -> CheckFact:
    """A check of marts.cash_in."""
    return CheckFact(
        path=("marts", "cash_in"),
        name="amounts_are_positive",
        passed=passed,
        severity=severity,
        at=NIGHT,
        run_id=run_id,
        **other,
    )


def table(name: str = "cash_in", schema: str = "marts", **other: Any) -> TableFact:
    """A table made by the night's run."""
    return TableFact((schema, name), "night", NIGHT, **{"rows": 100, **other})


def stale(name: str = "cash_in", schema: str = "marts", **other: Any) -> TableFact:
    """A table that is older than it should be."""
    return table(name, schema, freshness=Freshness.STALE, stale_since=NIGHT, **other)


def schedule(
    last_tick: datetime | None, name: str = "daily_pipeline_schedule", **other: Any
) -> AutomationFact:
    """A running schedule."""
    return AutomationFact(name, "schedule", "stack", running=True, last_tick=last_tick, **other)


def dead(*names: str, silent: timedelta = HOUR) -> tuple[DaemonFact, ...]:
    """Parts of the daemon that have been silent this long."""
    return tuple(DaemonFact(name, NOW - silent, healthy=False) for name in names)


def facts(at: datetime = NOW, **parts: Any) -> Facts:
    """The facts at a moment; `parts` are fields of Facts."""
    return Facts(at=at, **parts)
