"""Compares findings with what is known: which incidents opened, changed and closed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from observability.incidents.model import Change, Finding, Incident, Kind, News

Known = Mapping[str, Incident]
ITEMS_KEPT = 500


def compare(
    known: Known, found: Iterable[Finding], at: datetime, looked_at: Collection[Kind]
) -> tuple[dict[str, Incident], list[News]]:
    """The incidents open now, by key, and the news.

    Incidents of kinds that weren't looked at stay as they were. What follows from another open
    incident is reported with it, and by itself only if it outlasts that one.
    """
    found = [f for f in found if f.kind in looked_at]
    findings = {f.key: f for f in found if f.opens}
    better = {f.key for f in found if not f.opens}
    left = {
        k: i
        for k, i in known.items()
        if i.finding.kind not in looked_at or (k in better and i.told)
    }
    now = left | {key: _seen(known.get(key), finding, at) for key, finding in findings.items()}
    gone = [i for key, i in known.items() if key not in now and i.told]
    opened = {key for key, i in now.items() if not i.told and _is_due(i, now, at)}
    news = [News(change=Change.CLOSED, incident=i, at=at) for i in gone]
    for key in findings:
        before, incident = known.get(key), now[key]
        if key in opened:
            change = Change.OPENED
        elif before and before.told and _is_worse(before, incident):
            change = Change.CHANGED
        else:
            continue
        now[key] = incident.model_copy(update={"told": True})
        folded = tuple(i.finding for i in now.values() if i.finding.follows == key)
        news.append(News(change=change, incident=now[key], at=at, folded=folded))
    return now, news


def _seen(before: Incident | None, finding: Finding, at: datetime) -> Incident:
    if before is None:
        return Incident(finding=finding, first_seen=at, seen=finding.items[-ITEMS_KEPT:])
    finding = finding.model_copy(update={"since": min(finding.since, before.finding.since)})
    seen = tuple(dict.fromkeys((*before.seen, *finding.items)))[-ITEMS_KEPT:]
    return before.model_copy(update={"finding": finding, "seen": seen})


def _is_due(incident: Incident, now: Known, at: datetime) -> bool:
    finding = incident.finding
    settled = (at - incident.first_seen).total_seconds() >= finding.settle_s
    return settled and finding.follows not in now


def _is_worse(before: Incident, incident: Incident) -> bool:
    risen = incident.finding.severity.rank > before.finding.severity.rank
    return risen or not set(incident.finding.items) <= set(before.seen)
