"""Collects proposals in a fixed order, and marks what is gone.

DataHub keeps everything it once got. So each run stores the URNs that it described as an artifact,
and the next one marks those that are gone (`status.removed`, which a person can undo).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.urns import Naming

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

# Containers before their contents, tables before what is said about them.
_ORDER = (
    "dataPlatform",
    "corpGroup",
    "corpuser",
    "tag",
    "glossaryTerm",
    "container",
    "dataset",
    "dataFlow",
    "dataJob",
    "assertion",
    "query",
    "incident",
)
# Aspects of which an entity has many at once, each with its own time.
_SERIES = ("operation", "datasetUsageStatistics")


def collect(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Proposals in an order that doesn't depend on the run, one per key.

    Of two with the same key the first wins: callers put the best-known first.
    """
    unique: dict[tuple[str, str], Proposal] = {}
    for proposal in proposals:
        unique.setdefault(key_of(proposal), proposal)
    ordered = sorted(unique.items(), key=lambda item: (_rank(item[1]), *item[0]))
    return tuple(proposal for _, proposal in ordered)


def key_of(proposal: Proposal) -> tuple[str, str]:
    """URN and name of an aspect; a proposal replaces an earlier one with the same key.

    Those of a series don't replace each other, nor does a sample's profile that of the whole.
    """
    name, aspect = str(proposal.aspectName), proposal.aspect
    if name in _SERIES:
        name = f"{name} {getattr(aspect, 'timestampMillis', '')}"
    elif name == "datasetProfile":
        partition = getattr(getattr(aspect, "partitionSpec", None), "partition", "")
        name = f"{name} {partition}" if partition == "SAMPLE" else name
    return str(proposal.entityUrn), name


def stamp(proposals: Iterable[Proposal], run_id: str, millis: int) -> None:
    """Record which run made the proposals, so that `datahub ingest rollback` can undo a run."""
    from datahub.metadata.schema_classes import SystemMetadataClass

    for proposal in proposals:
        proposal.systemMetadata = SystemMetadataClass(
            lastObserved=millis, runId=run_id, pipelineName="freelancer-data-stack"
        )


def entities_by_type(proposals: Iterable[Proposal]) -> dict[str, int]:
    """How many entities of each type the proposals describe."""
    urns = {(proposal.entityType, proposal.entityUrn) for proposal in proposals}
    return dict(sorted(Counter(entity_type for entity_type, _ in urns).items()))


def _rank(proposal: Proposal) -> int:
    known = proposal.entityType in _ORDER
    return _ORDER.index(proposal.entityType) if known else len(_ORDER)


# Owners, tags, terms and platforms aren't ours alone, and are never removed.
OURS = ("dataset", "container", "assertion", "dataFlow", "dataJob", "query")


@dataclass(frozen=True)
class Entities:
    """URNs that are described, and URNs that once were."""

    present: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def then(self, present: Iterable[str], *, complete: bool) -> Entities:
        """The state after a run that describes `present`.

        A run that lacked an artifact can't tell what is gone from what it doesn't know of, so
        unless `complete`, nothing is newly removed. What is described again is back.
        """
        now = frozenset(present)
        gone = self.present - now
        if not complete:
            return Entities(self.present | now, self.removed - now)
        return Entities(now, (self.removed | gone) - now)

    def as_json(self) -> dict[str, list[str]]:
        """The content of the artifact."""
        return {"present": sorted(self.present), "removed": sorted(self.removed)}


def artifact(naming: Naming, name: str = "entities") -> str:
    """Name of an artifact: one for each fabric and instance, whose URNs all differ."""
    return "/".join(filter(None, ("catalog", naming.fabric, naming.instance, f"{name}.json")))


def earlier(document: Any) -> Entities:
    """What the artifact says; nothing if there is none."""
    document = document or {}
    return Entities(frozenset(document.get("present", ())), frozenset(document.get("removed", ())))


def described(proposals: Iterable[Proposal]) -> frozenset[str]:
    """URNs of the entities that are the stack's own."""
    return frozenset(str(p.entityUrn) for p in proposals if p.entityType in OURS)


def removal_proposals(entities: Entities) -> Iterator[Proposal]:
    """A mark for each entity that is gone; repeated every run, since the sink may be a file."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import StatusClass

    for urn in sorted(entities.removed):
        yield MetadataChangeProposalWrapper(entityUrn=urn, aspect=StatusClass(removed=True))
