"""What is wrong with tables, checks, files and the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from observability.facts.model import AlertFact, Facts, Freshness, SetAsideFact
from observability.facts.tables import HEALTH
from observability.incidents.model import Finding, Kind, Severity
from stack.words import several

# The remediation sensor takes an alert within a minute.
ALERT_SETTLE_S = 900.0
# A single slow answer needs nobody; a dependency that is down is an outage at once.
HEALTH_SETTLE_S = 1800.0
ITEMS_AT_MOST = 200
# Checks something with findings of its own, which are up to date before the check runs again.
SAID_ELSEWHERE = "nothing_set_aside"


def failed_checks(facts: Facts) -> Iterator[Finding]:
    """Each check whose last outcome is a failure."""
    for check in facts.checks:
        if check.passed or check.name == SAID_ELSEWHERE:
            continue
        table = ".".join(check.path)
        error = check.severity == "error"
        yield Finding(
            key=f"check:{'/'.join(check.path)}:{check.name}",
            kind=Kind.CHECK,
            severity=Severity.ERROR if error else Severity.WARNING,
            subject=f"check {check.name} of {table} failed",
            cause=check.description or "It gave no reason.",
            next_step="Look at the rows that it names"
            + (f"; until then {table} can't be trusted." if error else "."),
            since=check.since or check.at,
            asset=check.path,
            check=check.name,
            run_id=check.run_id,
            owners=check.owners,
            settle_s=HEALTH_SETTLE_S if check.path[0] == HEALTH else 0,
        )


def stale_tables(facts: Facts) -> Iterator[Finding]:
    """Each table that is older than its policy allows."""
    for table in facts.tables:
        if table.freshness is not Freshness.STALE:
            continue
        yield Finding(
            key=f"stale:{'/'.join(table.path)}",
            kind=Kind.STALE,
            severity=Severity.WARNING,
            subject=f"{'.'.join(table.path)} is stale",
            cause=table.freshness_reason,
            next_step="See whether its source still delivers, and whether its pipeline runs.",
            since=table.stale_since or facts.at,
            asset=table.path,
            rows=table.rows,
            run_id=table.run_id,
            owners=table.owners,
        )


def unaccounted_rows(facts: Facts) -> Iterator[Finding]:
    """Each table whose last load didn't account for every row."""
    for table in facts.tables:
        if table.accounted_for is False:
            yield Finding(
                key=f"unaccounted:{'/'.join(table.path)}",
                kind=Kind.UNACCOUNTED,
                severity=Severity.ERROR,
                subject=f"rows of {'.'.join(table.path)} are unaccounted for",
                cause="What was read is more or less than what was loaded and set aside.",
                next_step="Compare the numbers of the load in the UI with the source, before the "
                "table is used.",
                since=table.materialised,
                asset=table.path,
                rows=table.rows,
                run_id=table.run_id,
                owners=table.owners,
            )


def set_aside(facts: Facts) -> Iterator[Finding]:
    """What waits in the quarantine: one finding for each table, one for files without a table."""
    owners = {table.path[-1]: table.owners for table in facts.tables if table.path[0] == "raw"}
    groups: dict[str, list[SetAsideFact]] = defaultdict(list)
    for entry in facts.set_aside:
        groups[entry.table].append(entry)
    for table, entries in sorted(groups.items()):
        entries.sort(key=lambda entry: (entry.at or facts.at, entry.entry))
        newest = entries[-1]
        records = [e.records for e in entries if e.records is not None]
        what = (
            several(sum(records), "row")
            if len(records) == len(entries)
            else several(len(entries), "file")
        )
        yield Finding(
            key=f"set_aside:{table}",
            kind=Kind.SET_ASIDE,
            severity=Severity.WARNING,
            subject=f"{what} of {table} set aside" if table else f"{what} set aside",
            cause=f"{newest.name}: {newest.reason}",
            next_step="`stack quarantine` lists them and puts them back.",
            since=entries[0].at or facts.at,
            asset=("raw", table) if table else (),
            rows=sum(records) if records else None,
            owners=owners.get(table, ()),
            items=tuple(entry.entry for entry in entries)[-ITEMS_AT_MOST:],
        )


def waiting_alerts(facts: Facts) -> Iterator[Finding]:
    """Each alert file about data that nobody took; outages have findings of their own."""
    for alert in facts.alerts:
        if alert.severity != "info" and not alert.type.startswith("outage_"):
            yield Finding(
                key=f"alert:{alert.file.rpartition('/')[2]}",
                kind=Kind.ALERT,
                severity=_severity(alert),
                subject=f"alert {alert.type} waits",
                cause=alert.description,
                next_step="Start data_quality_alert_sensor, or see to it and move the file away.",
                since=alert.created,
                run_id=alert.run_id,
                settle_s=ALERT_SETTLE_S,
            )


def _severity(alert: AlertFact) -> Severity:
    return Severity.WARNING if alert.severity == "warning" else Severity.ERROR


def failed_catalog(facts: Facts) -> Iterator[Finding]:
    """The catalog, if its last emission was partly refused."""
    catalog = facts.catalog
    if catalog is not None and catalog.failed:
        yield Finding(
            key="catalog",
            kind=Kind.CATALOG,
            severity=Severity.WARNING,
            subject=f"the catalog refused {catalog.failed:,} aspects",
            cause=f"{catalog.sink} took {catalog.emitted:,} of "
            f"{catalog.emitted + catalog.failed:,}.",
            next_step="The run's log names each; what was refused is sent again by the next night.",
            since=catalog.at,
            run_id=catalog.run_id,
        )
