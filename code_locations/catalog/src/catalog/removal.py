"""What an earlier run described and is no more: marked as removed, not left to mislead.

DataHub keeps what it once got. So each run leaves the URNs that it described as an artifact,
and the next one marks those that have gone (`status.removed`, which a person can undo).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.urns import Naming

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

# Owners, tags, terms and platforms aren't ours alone, and are never removed.
OURS = ("dataset", "container", "assertion", "dataFlow", "dataJob")


@dataclass(frozen=True)
class Entities:
    """URNs that are described, and URNs that once were."""

    present: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def then(self, present: Iterable[str], *, complete: bool) -> Entities:
        """The state after a run that describes `present`.

        A run that lacked an artifact can't tell what has gone from what it doesn't know of,
        so with `complete` false nothing is newly removed. What is described again is back.
        """
        now = frozenset(present)
        gone = self.present - now
        if not complete:
            return Entities(self.present | now, self.removed - now)
        return Entities(now, (self.removed | gone) - now)

    def as_json(self) -> dict[str, list[str]]:
        """The content of the artifact."""
        return {"present": sorted(self.present), "removed": sorted(self.removed)}


def artifact(naming: Naming) -> str:
    """Name of the artifact: one for each fabric and instance, whose URNs all differ."""
    return "/".join(filter(None, ("catalog", naming.fabric, naming.instance, "entities.json")))


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
