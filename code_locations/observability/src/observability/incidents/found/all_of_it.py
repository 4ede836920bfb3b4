"""All findings of one look, with what follows from what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from observability.facts.model import Facts, PipelineFact
from observability.facts.unread import PARTS
from observability.incidents.found.of_data import (
    failed_catalog,
    failed_checks,
    set_aside,
    stale_tables,
    unaccounted_rows,
    waiting_alerts,
)
from observability.incidents.found.of_runs import (
    DECLARED,
    automation,
    dead_daemons,
    failed_pipelines,
    last_finished,
    outages,
)
from observability.incidents.found.of_safety import (
    ending_certificates,
    overdue_backup,
    stuck_queue,
    untested_backup,
)
from observability.incidents.found.of_stores import (
    IN_STORES,
    files_unread,
    full_disk,
    stores_away,
)
from observability.incidents.model import Finding, Kind
from stack.outage import tells_of_outage
from stack.pipelines import DAILY, MONITORING, Stage

# The parts that each kind is judged by, named as in `Facts.unknown`.
READ_FROM = {
    Kind.PIPELINE: ("pipelines",),
    Kind.SCHEDULE: ("automation",),
    Kind.SENSOR: ("automation",),
    Kind.DAEMON: ("daemons", "automation"),
    Kind.OUTAGE: ("outages",),
    Kind.CHECK: ("checks",),
    Kind.STALE: ("tables",),
    Kind.UNACCOUNTED: ("tables", "load_reports", "unread load_reports"),
    Kind.SET_ASIDE: ("quarantine",),
    Kind.ALERT: ("alerts",),
    Kind.CATALOG: ("tables",),
    Kind.QUEUE: ("queue",),
    Kind.STORE: ("reach",),
    Kind.DISK: ("stores",),
    Kind.UNREAD: PARTS,
    Kind.BACKUP: ("backup",),
    Kind.CERTIFICATE: ("certificates",),
}
# The check over all loads: each table that it fails for is a finding too.
SAYS_OF_ALL = "every_row_accounted_for"
MADE_BY = {"raw": Stage.INGESTION}  # the other layers are made by the transformation


def kinds_looked_at(facts: Facts) -> frozenset[Kind]:
    """The kinds whose presence these facts can decide."""
    dark = {*facts.unknown, *(f"unread {file.part}" for file in facts.unread)}
    return frozenset(k for k, parts in READ_FROM.items() if not set(parts) & dark)


def findings(
    facts: Facts, running_since: Mapping[str, datetime] | None = None
) -> tuple[Finding, ...]:
    """What is wrong, causes first. For `running_since`, see `of_runs.automation`."""
    found = [
        *stores_away(facts),
        *full_disk(facts),
        *dead_daemons(facts),
        *outages(facts),
        *automation(facts, running_since or {}),
        *failed_pipelines(facts),
        *failed_checks(facts),
        *unaccounted_rows(facts),
        *stale_tables(facts),
        *set_aside(facts),
        *waiting_alerts(facts),
        *failed_catalog(facts),
        *files_unread(facts),
        *stuck_queue(facts),
        *overdue_backup(facts),
        *untested_backup(facts),
        *ending_certificates(facts),
    ]
    return tuple(_followed(found, facts))


def _followed(found: Sequence[Finding], facts: Facts) -> Iterator[Finding]:
    """Each finding, with the key of the one that it follows from, if there is one."""
    here = {finding.key: finding for finding in found}
    failed = {key: p for key, p in last_finished(facts).items() if key in here}
    for finding in found:
        follows = _cause(finding, found, failed, here)
        yield finding.model_copy(update={"follows": follows}) if follows else finding


def _cause(
    finding: Finding,
    found: Sequence[Finding],
    failed: Mapping[str, PipelineFact],
    here: Mapping[str, Finding],
) -> str:
    match finding.kind:
        case Kind.SCHEDULE | Kind.SENSOR | Kind.QUEUE:
            return "daemon" if "daemon" in here else ""
        case Kind.PIPELINE | Kind.OUTAGE:
            return _of_outage(finding, found)
        case Kind.CHECK | Kind.UNACCOUNTED:
            tables = [f.key for f in found if f.kind is Kind.UNACCOUNTED]
            of_all = tables[0] if tables and finding.check == SAYS_OF_ALL else ""
            return of_all or _of_run(finding.run_id, failed)
        case Kind.ALERT:
            of_checks = (f.key for f in found if f.kind is Kind.CHECK and f.run_id)
            same = [k for k in of_checks if here[k].run_id == finding.run_id]
            return _of_run(finding.run_id, failed) or (same[0] if same else "")
        case Kind.STALE:
            return _of_table(finding, failed) or _of_start(found)
        case _:
            return ""


def _of_outage(finding: Finding, found: Sequence[Finding]) -> str:
    """The store that a dependency is in and that is away; for a pipeline, also a dependency."""
    away = [f.key for f in found if f.kind is Kind.STORE]
    down = [f.key for f in found if f.kind is Kind.OUTAGE]
    if finding.kind is Kind.OUTAGE:
        of_it, causes = finding.key.partition(":")[2] in IN_STORES, away
    else:
        of_it = finding.pipeline == MONITORING.name or tells_of_outage(finding.cause)
        causes = [*away, *down]
    return causes[0] if of_it and causes else ""


def _of_run(run_id: str, failed: Mapping[str, PipelineFact]) -> str:
    return next(
        (k for k, p in failed.items() if run_id and run_id in {run.run_id for run in p.runs}), ""
    )


def _of_table(finding: Finding, failed: Mapping[str, PipelineFact]) -> str:
    """The failed pipeline that would have made the table, preferably the nightly one."""
    stage = MADE_BY.get(finding.asset[0], Stage.TRANSFORMATION)
    making = [
        key
        for key, pipeline in failed.items()
        if (declared := DECLARED.get(pipeline.pipeline)) is not None
        and stage in declared.stages
        and not declared.monitors
        and declared.only is None
    ]
    return min(making, key=lambda key: failed[key].pipeline != DAILY.name, default="")


def _of_start(found: Sequence[Finding]) -> str:
    """Why nothing was started: the daemon, or the nightly schedule."""
    night = f":{DAILY.schedule.name}" if DAILY.schedule else ""
    return next(
        (
            f.key
            for f in found
            if f.kind is Kind.DAEMON or (f.kind is Kind.SCHEDULE and f.key.endswith(night))
        ),
        "",
    )
