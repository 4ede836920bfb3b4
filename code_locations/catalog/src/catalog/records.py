"""Proposals in the format of DataHub's files, each validated before the first is written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.kept import Kept, code, versions
from catalog.proposals import key_of
from stack.digests import digest
from stack.errors import StackError

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

Json = dict[str, Any]
_NOT_ALLOWED = "a field has a value that the aspect's schema doesn't allow"


class InvalidProposalError(StackError):
    """A proposal that DataHub would refuse; nothing was written."""


class Proved(Kept):
    """Digests of the last run's aspects, all valid, and the versions that validated them."""

    by: str
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Aspect:
    """A valid proposal, its record, and a digest of its content (which doesn't include the run)."""

    proposal: Proposal
    record: Json
    digest: str

    @property
    def key(self) -> str:
        """As `key_of`, in one string."""
        return " ".join(key_of(self.proposal))


def prove(proposals: Iterable[Proposal], valid: Collection[str] = ()) -> tuple[Aspect, ...]:
    """The proposals with their records, each valid.

    The record is what is sent, so one whose digest is among `valid` isn't checked again. Raises
    InvalidProposalError for the first that isn't valid.
    """
    return tuple(_proved(proposal, valid) for proposal in proposals)


def valid_digests(proved: Proved | None) -> frozenset[str]:
    """Digests that needn't be checked again: none if another version validated them."""
    return frozenset(proved.digests if proved and proved.by == _prover() else ())


def proof(aspects: Iterable[Aspect]) -> Proved:
    """What the next run needs to know about these valid aspects."""
    return Proved(by=_prover(), digests=tuple(sorted(a.digest for a in aspects)))


def _prover() -> str:
    return digest([versions(), code("records")])


def record_of(proposal: Proposal) -> Json:
    """The proposal as DataHub's files have it."""
    record: Json = proposal.to_obj(simplified_structure=True)
    return record


def read_back(record: Json) -> Proposal:
    """The proposal that a record stands for. Raises the library's errors if it is invalid."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper

    aspect = {"contentType": "application/json", "value": json.dumps(record["aspect"]["json"])}
    return MetadataChangeProposalWrapper.from_obj_require_wrapper({**record, "aspect": aspect})


def _proved(proposal: Proposal, valid: Collection[str]) -> Aspect:
    from avro.errors import AvroTypeException

    try:
        record = record_of(proposal)
        said = digest({name: v for name, v in record.items() if name != "systemMetadata"})
        if said not in valid:
            _check(proposal, record)
    except Exception as error:
        reason = _NOT_ALLOWED if isinstance(error, AvroTypeException) else error
        raise InvalidProposalError(
            f"{proposal.entityUrn}: aspect {proposal.aspectName} is not valid: {reason}; "
            "nothing was written; please report it as a bug of the catalog location"
        ) from error
    return Aspect(proposal, record, said)


def _check(proposal: Proposal, record: Json) -> None:
    """Check that a proposal conforms to DataHub's model and survives its wire format."""
    from datahub.metadata.schema_classes import KEY_ASPECTS
    from datahub.metadata.urns import Urn

    Urn.from_string(str(proposal.entityUrn))
    if not proposal.validate():
        raise ValueError(_NOT_ALLOWED)
    key = KEY_ASPECTS[proposal.entityType]
    if proposal.aspectName not in (*key.ASPECT_INFO["entityAspects"], key.ASPECT_NAME):
        raise ValueError(f"a {proposal.entityType} has no such aspect")
    if read_back(record).aspect != proposal.aspect:
        raise ValueError("it reads back differently from how it was written")
