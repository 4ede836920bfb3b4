"""What is wrong with pipelines, with what starts them, and with what they depend on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from observability.facts.model import (
    AutomationFact,
    Facts,
    OutageFact,
    Outcome,
    PipelineFact,
    RunFact,
)
from observability.incidents.found.of_stores import (
    AWAY_SETTLE_S,
    IN_STORES,
    is_before_return,
    is_outdated,
)
from observability.incidents.model import Finding, Kind, Severity
from stack.continuation import SENSOR_SUFFIX
from stack.freshness.watch import SENSOR_NAME as FRESHNESS_SENSOR
from stack.outage import tells_of_outage
from stack.pipelines import BACKFILL, DAILY, MONITORING, PIPELINES, REMEDIATION

DECLARED = {pipeline.name: pipeline for pipeline in PIPELINES}
CRONS = {p.schedule.name: p.schedule.cron for p in PIPELINES if p.schedule}
# Only their own next success resolves their failure, not a good night.
ALONE = frozenset({BACKFILL.name, MONITORING.name, REMEDIATION.name})
MAY_BE_LATE = timedelta(minutes=15)
SETTLE_S = 300.0
# As in the alert rules; a laptop that slept hears from its daemon soon.
DEAD_AFTER, DEAD_FOR = timedelta(minutes=3), timedelta(minutes=2)
SILENT_AFTER, SILENT_FOR = timedelta(minutes=10), timedelta(minutes=5)


def failed_pipelines(facts: Facts) -> Iterator[Finding]:
    """Each pipeline whose last finished round failed."""
    for key, pipeline in sorted(last_finished(facts).items()):
        if pipeline.outcome is not Outcome.FAILED or _made_good(pipeline, facts):
            continue
        if pipeline.pipeline == MONITORING.name and is_before_return(_end(pipeline), facts):
            continue  # the next one may find nothing
        run = failed_run(pipeline)
        failure = run.failure
        step = failure.step if failure else ""
        reason = failure.reason if failure else "it failed and left no reason"
        tries = f" after {len(pipeline.runs)} runs" if run.tags.get("dagster/retry_number") else ""
        yield Finding(
            key=key,
            kind=Kind.PIPELINE,
            severity=Severity.ERROR,
            subject=f"{pipeline.pipeline} failed" + (f" in {step}" if step else "") + tries,
            cause=reason,
            next_step=_after_outage(reason)
            or "Correct the cause, then run it again: what is loaded stays loaded.",
            since=_end(pipeline),
            pipeline=pipeline.pipeline,
            step=step,
            run_id=run.run_id,
            items=(step or "start",),
        )


def last_finished(facts: Facts) -> dict[str, PipelineFact]:
    """By incident key, the newest round that succeeded or failed."""
    found: dict[str, PipelineFact] = {}
    for pipeline in sorted(facts.pipelines, key=lambda p: p.begun, reverse=True):
        if pipeline.outcome in {Outcome.SUCCEEDED, Outcome.FAILED}:
            found.setdefault(_key(pipeline), pipeline)
    return found


def failed_run(pipeline: PipelineFact) -> RunFact:
    """The last of its runs that failed; the last run if none is marked as failed."""
    failed = [run for run in pipeline.runs if run.status == "failure"]
    return (failed or list(pipeline.runs))[-1]


def _end(pipeline: PipelineFact) -> datetime:
    return pipeline.ended or failed_run(pipeline).ended or pipeline.begun


def _key(pipeline: PipelineFact) -> str:
    # Each location starts its own.
    place = f":{pipeline.runs[0].stage}" if pipeline.pipeline == MONITORING.name else ""
    return f"pipeline:{pipeline.pipeline}{place}"


def _made_good(failed: PipelineFact, facts: Facts) -> bool:
    """Whether a later good night resolved it, which counts for pipelines without a schedule."""
    declared = DECLARED.get(failed.pipeline)
    if declared is None or declared.schedule or failed.pipeline in ALONE:
        return False
    return any(
        p.pipeline == DAILY.name and p.outcome is Outcome.SUCCEEDED and p.begun > failed.begun
        for p in facts.pipelines
    )


def _after_outage(reason: str) -> str:
    return "Run it again once the store is back." if tells_of_outage(reason) else ""


def automation(facts: Facts, running_since: Mapping[str, datetime]) -> Iterator[Finding]:
    """Schedules that missed a tick or fail, and sensors that fail.

    `running_since`: when each was first seen running; earlier ticks weren't missed.
    """
    for item in facts.automation:
        if not item.running:
            continue
        fails = item.last_status == "failure"
        is_schedule = item.kind == "schedule"
        due = _due(item.name, facts.at) if is_schedule else None
        missed = (
            due is not None
            and due >= running_since.get(item.name, facts.at)
            and (item.last_tick is None or item.last_tick < due)
        )
        if not fails and not missed:
            continue
        what = "missed a tick" if missed else "fails"
        cause = (
            f"It was due at {due:%Y-%m-%d %H:%M} UTC and did not begin." if missed and due else ""
        )
        yield Finding(
            key=f"automation:{item.location}:{item.name}",
            kind=Kind.SCHEDULE if is_schedule else Kind.SENSOR,
            severity=Severity.ERROR if is_schedule else Severity.WARNING,
            subject=f"{item.kind} {item.name} {what}",
            cause=cause or item.last_error or "Its last tick failed.",
            next_step="See whether the daemon runs and the code location loads; then start what it "
            "missed by hand.",
            since=(due if missed and due else item.last_tick) or facts.at,
            items=(what,),
            settle_s=0 if is_schedule else SETTLE_S,
        )


def _due(schedule: str, at: datetime) -> datetime | None:
    """The last moment at which a declared schedule should have ticked, with some tolerance."""
    from dagster._utils.schedules import reverse_cron_string_iterator

    if schedule not in CRONS:
        return None
    before = reverse_cron_string_iterator(
        (at - MAY_BE_LATE).timestamp(), CRONS[schedule], execution_timezone="UTC"
    )
    return next(before)


def dead_daemons(facts: Facts) -> Iterator[Finding]:
    """One finding for all silent parts of the daemon, if something needs them."""
    silent = silent_daemons(facts)
    if not silent or not any(map(_begins_something, facts.automation)):
        return
    names = ", ".join(sorted(silent))
    last = max(silent.values())
    whole = len(silent) == sum(d.last_heartbeat is not None for d in facts.daemons)
    yield Finding(
        key="daemon",
        kind=Kind.DAEMON,
        severity=Severity.ERROR,
        subject="the daemon is dead" if whole else f"the daemon's {names} is silent",
        cause=f"No heartbeat of {names} since {last:%Y-%m-%d %H:%M} UTC: nothing starts by itself.",
        next_step="Start it again: on one machine `make dev` or the service, on a cluster look at "
        "its pod.",
        since=last,
        settle_s=(DEAD_FOR if whole else SILENT_FOR).total_seconds(),
    )


def silent_daemons(facts: Facts) -> dict[str, datetime]:
    """The daemon's parts that were heard from once but not lately, and when they last were.

    Silence of all parts is noticed soon; a single part may just be busy with a long tick.
    """
    heard = {d.name: d.last_heartbeat for d in facts.daemons if d.last_heartbeat is not None}
    lives = any(facts.at - last <= DEAD_AFTER for last in heard.values())
    patience = SILENT_AFTER if lives else DEAD_AFTER
    return {name: last for name, last in heard.items() if facts.at - last > patience}


def _begins_something(item: AutomationFact) -> bool:
    """Whether it runs, and starts something that nothing else starts.

    Sensors that continue a pipeline, or only look, are running wherever a daemon once was.
    """
    only_looks = item.name == FRESHNESS_SENSOR or item.name.endswith(SENSOR_SUFFIX)
    return item.running and not only_looks


def outages(facts: Facts) -> Iterator[Finding]:
    """Each dependency that is down."""
    for outage in facts.outages:
        if is_down(outage) and not is_outdated(outage, facts):
            yield Finding(
                key=f"outage:{outage.name}",
                kind=Kind.OUTAGE,
                severity=Severity.ERROR,
                subject=f"{outage.name} is down",
                cause=outage.sentence or "It gives no answer.",
                next_step="See to it; runs that wait for it go on by themselves, those that failed "
                "are to be run again.",
                since=outage.since or outage.at,
                settle_s=AWAY_SETTLE_S if outage.name in IN_STORES else 0,
            )


def is_down(outage: OutageFact) -> bool:
    """Whether a dependency is configured and doesn't work."""
    return outage.state == "down"
