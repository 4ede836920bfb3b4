"""Proposals, collected and proved before the first is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

# Containers before what is in them, tables before what is said about them.
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
)


class InvalidProposalError(ValueError):
    """A proposal that DataHub would refuse; nothing has been written."""


def collect(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Proposals in an order that doesn't depend on the run, one for each URN and aspect.

    Of two for the same URN and aspect the first counts: callers put what they know best
    first. Raises InvalidProposalError for the first that isn't valid.
    """
    unique: dict[tuple[str, str], Proposal] = {}
    for proposal in proposals:
        unique.setdefault((str(proposal.entityUrn), str(proposal.aspectName)), proposal)
    ordered = sorted(unique.items(), key=lambda item: (_rank(item[1]), *item[0]))
    for _, proposal in ordered:
        check(proposal)
    return tuple(proposal for _, proposal in ordered)


def check(proposal: Proposal) -> None:
    """Prove that a proposal is what DataHub's model allows, and survives its wire format.

    Raises InvalidProposalError naming URN and aspect.
    """
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import KEY_ASPECTS
    from datahub.metadata.urns import Urn

    try:
        Urn.from_string(str(proposal.entityUrn))
        if not proposal.validate():
            raise ValueError("a field has a value that the aspect's schema doesn't allow")
        allowed = KEY_ASPECTS[proposal.entityType].ASPECT_INFO["entityAspects"]
        if proposal.aspectName not in (*allowed, KEY_ASPECTS[proposal.entityType].ASPECT_NAME):
            raise ValueError(f"a {proposal.entityType} has no such aspect")
        again = MetadataChangeProposalWrapper.from_obj_require_wrapper(proposal.to_obj())
        if again.aspect != proposal.aspect:
            raise ValueError("it reads back differently from how it was written")
    except Exception as error:
        raise InvalidProposalError(
            f"{proposal.entityUrn}: aspect {proposal.aspectName} is not valid: {error}; "
            "nothing was written; please report it as a bug of the catalog location"
        ) from error


def stamp(proposals: Iterable[Proposal], run_id: str, millis: int) -> None:
    """Say which run made the proposals, so that `datahub ingest rollback` can undo a run."""
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
