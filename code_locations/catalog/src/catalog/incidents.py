"""Incidents: an assertion that fails, from its first failure to its next success.

Open ones are an artifact of their own, which a full refresh keeps. An incident is named after its
assertion and its first failure, so that reporting it again raises no second one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import Field

from catalog.kept import Kept
from catalog.urns import Naming
from stack.activity import DAGSTER

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

# How long a resolved one is reported; DataHub keeps it.
TOLD_FOR = timedelta(days=30)
# DataHub's priorities, 0 being critical, by the severity of an assertion's result.
PRIORITIES = {"HIGH": 1, "MEDIUM": 2, "LOW": 3}


class Incident(Kept):
    """A failing assertion. Times are those of its results, in milliseconds since 1970.

    `resolved` is None while it fails; `resolution` says why it ended.
    """

    dataset: str
    title: str
    description: str
    priority: int
    since: int
    resolved: int | None = None
    resolution: str = ""


class Incidents(Kept):
    """Open and recently resolved ones, oldest first, by the assertion's URN.

    `until`: results from before then have been processed.
    """

    until: datetime | None = None
    incidents: dict[str, tuple[Incident, ...]] = Field(default_factory=dict)

    @property
    def opened(self) -> int:
        """How many are open."""
        return sum(each.resolved is None for found in self.incidents.values() for each in found)

    def then(self, proposals: Iterable[Proposal], at: datetime, *, complete: bool) -> Incidents:
        """The incidents after a run that proposes assertions and their results.

        One that couldn't be judged stays as it was. One whose assertion is gone, which only a
        `complete` run can know, is over.
        """
        infos, events = _assertions(proposals)
        oldest = int((at - TOLD_FOR).timestamp() * 1000)
        found = {}
        for urn in sorted(self.incidents.keys() | events):
            known = self.incidents.get(urn, ())
            if urn in events:
                known = _judged(known, infos.get(urn), events[urn])
            elif complete and urn not in infos:
                known = _resolved(known, int(at.timestamp() * 1000), "the check is no more")
            kept = tuple(i for i in known if i.resolved is None or i.resolved >= oldest)
            if kept:
                found[urn] = kept
        return Incidents(until=self.until, incidents=found)


def incident_proposals(naming: Naming, incidents: Incidents) -> Iterator[Proposal]:
    """All open and recently resolved ones."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper

    for assertion, found in incidents.incidents.items():
        for incident in found:
            yield MetadataChangeProposalWrapper(
                entityUrn=naming.incident(assertion, incident.since),
                aspect=_info(assertion, incident),
            )


def _assertions(proposals: Iterable[Proposal]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Definitions, and the latest result of each that has one, by URN."""
    from datahub.metadata.schema_classes import AssertionInfoClass, AssertionRunEventClass

    infos: dict[str, Any] = {}
    events: dict[str, Any] = {}
    for proposal in proposals:
        urn, aspect = str(proposal.entityUrn), proposal.aspect
        if isinstance(aspect, AssertionInfoClass):
            infos.setdefault(urn, aspect)
        elif isinstance(aspect, AssertionRunEventClass) and aspect.result:
            before = events.get(urn)
            if before is None or before.timestampMillis < aspect.timestampMillis:
                events[urn] = aspect
    return infos, events


def _judged(known: tuple[Incident, ...], info: Any, event: Any) -> tuple[Incident, ...]:
    is_open = bool(known) and known[-1].resolved is None
    if event.result.type == "SUCCESS":
        return _resolved(known, event.timestampMillis, "the check passes again")
    if event.result.type != "FAILURE" or is_open:
        return known
    if known and known[-1].since == event.timestampMillis:  # already reported, and over
        return known
    return (*known, _raised(info, event))


def _resolved(known: tuple[Incident, ...], at: int, why: str) -> tuple[Incident, ...]:
    if not known or known[-1].resolved is not None:
        return known
    over = known[-1].model_copy(update={"resolved": at, "resolution": why})
    return (*known[:-1], over)


def _raised(info: Any, event: Any) -> Incident:
    properties = (info.customProperties if info else None) or {}
    of_dbt = properties.get("dbt_unique_id", "").split(".")  # test.<project>.<name>.<hash>
    name = properties.get("check_name") or (of_dbt[2] if len(of_dbt) > 2 else "a check")
    table = str(event.asserteeUrn).rsplit(",", 2)[-2].split(".", 1)[-1]
    counted = event.result.unexpectedCount
    rows = "" if counted is None else f"{counted:,} rows do not meet it. "
    return Incident(
        dataset=event.asserteeUrn,
        title=f"{name} fails on {table}",
        description=f"{rows}{properties.get('because', '')}".strip(),
        priority=PRIORITIES.get(str(event.result.severity), 1),
        since=event.timestampMillis,
    )


def _info(assertion: str, incident: Incident) -> Any:
    from datahub.emitter.mce_builder import make_user_urn
    from datahub.metadata import schema_classes as s

    def stamp(millis: int) -> Any:
        return s.AuditStampClass(time=millis, actor=make_user_urn(DAGSTER))

    is_over = incident.resolved is not None
    return s.IncidentInfoClass(
        type=s.IncidentTypeClass.CUSTOM,
        customType="DATA_QUALITY",
        entities=[incident.dataset],
        title=incident.title,
        description=incident.description or None,
        priority=incident.priority,
        startedAt=incident.since,
        created=stamp(incident.since),
        source=s.IncidentSourceClass(
            type=s.IncidentSourceTypeClass.ASSERTION_FAILURE, sourceUrn=assertion
        ),
        status=s.IncidentStatusClass(
            state=s.IncidentStateClass.RESOLVED if is_over else s.IncidentStateClass.ACTIVE,
            stage=s.IncidentStageClass.FIXED if is_over else None,
            message=incident.resolution or None,
            lastUpdated=stamp(incident.resolved or incident.since),
        ),
    )
