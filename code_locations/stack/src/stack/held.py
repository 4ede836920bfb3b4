"""Results that hold: a claim says that a definition on these inputs gave this, and who saw it.

A claim is about content alone, so an old one, or one of another process, is as true as a new one:
it applies where definition, inputs, day and output are what it names, and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from stack.artifacts import ArtifactError, ArtifactStore
from stack.sql_reads import Reads

HELD_AT = "held_at"
_log = logging.getLogger(__name__)


class Claim(BaseModel):
    """What a run found. `day`: it read the date; `output`: the version of what it made."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    run_id: str
    at: datetime
    day: date | None = None
    output: str | None = None
    result: Any = None

    def holds(self, fingerprint: str | None, output: str | None = None) -> bool:
        """Whether a run of today would find the same again."""
        return (
            fingerprint is not None
            and self.fingerprint == fingerprint
            and self.output == output
            and self.day in (None, today())
        )

    @property
    def metadata(self) -> dict[str, dg.MetadataValue]:
        """Since when and whose run, as Dagster shows it."""
        return {
            "holds_since": dg.MetadataValue.dagster_run(self.run_id),
            HELD_AT: dg.MetadataValue.timestamp(self.at),
        }


@dataclass(frozen=True)
class Run:
    """A run that makes claims: its identifier, and the day on which it began."""

    run_id: str
    began: date

    def claim(
        self,
        fingerprint: str | None,
        reads: Reads,
        result: Any,
        output: str | None = None,
    ) -> Claim | None:
        """The claim about a result that follows from what has this fingerprint.

        None if that can't be told, as by a run over midnight of what reads the date.
        """
        reads_date = reads is Reads.DATE
        if fingerprint is None or reads is Reads.UNTOLD or (reads_date and self.began != today()):
            return None
        return Claim(
            fingerprint=fingerprint,
            run_id=self.run_id,
            at=datetime.now(UTC),
            day=self.began if reads_date else None,
            output=output,
            result=result,
        )


class Claims(BaseModel):
    """The claims of a stage, by what they are about."""

    claims: dict[str, Claim] = Field(default_factory=dict)


def today() -> date:
    """The day that dates are read on."""
    return datetime.now(UTC).date()


def read_claims(store: ArtifactStore, name: str, log: logging.Logger = _log) -> dict[str, Claim]:
    """The claims of artifact `name`; none where they can't be read, so that all is done again."""
    try:
        found = store.get_model(name, Claims)
    except ArtifactError as error:
        log.warning(f"nothing holds: {error}")
        return {}
    return dict(found.claims) if found else {}


def since(claims: Iterable[Claim]) -> str:
    """`since <the latest of them>`, for people."""
    return f"since {max(claim.at for claim in claims):%Y-%m-%d %H:%M} UTC"


def write_claims(store: ArtifactStore, name: str, run_id: str, claims: Mapping[str, Claim]) -> None:
    """Replace the claims of artifact `name`."""
    store.put(run_id, name, Claims(claims=dict(claims)).model_dump_json(indent=1).encode())
