"""Results that still hold: a claim says what a definition gave on certain inputs, and who saw it.

A claim is only about content, so its age and origin don't matter: it applies where definition,
inputs, day and output are the ones it names, and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from stack.artifacts import Artifact, ArtifactError, ArtifactStore
from stack.sql_reads import Reads

HELD_AT = "held_at"
_log = logging.getLogger(__name__)


class Claim(BaseModel):
    """What a run found. `day`: set if it read the date; `output`: the version of what it built."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    run_id: str
    at: datetime
    day: date | None = None
    output: str | None = None
    result: Any = None

    def holds(self, fingerprint: str | None, output: str | None = None) -> bool:
        """Whether a run today would find the same again."""
        return (
            fingerprint is not None
            and self.fingerprint == fingerprint
            and self.output == output
            and self.day in (None, today())
        )

    @property
    def metadata(self) -> dict[str, dg.MetadataValue]:
        """Since when it holds and which run found it, as Dagster shows it."""
        return {
            "holds_since": dg.MetadataValue.dagster_run(self.run_id),
            HELD_AT: dg.MetadataValue.timestamp(self.at),
        }


@dataclass(frozen=True)
class Run:
    """A run that makes claims: its id, and the day on which it began."""

    run_id: str
    began: date

    def claim(
        self,
        fingerprint: str | None,
        reads: Reads,
        result: Any,
        output: str | None = None,
    ) -> Claim | None:
        """The claim about a result built from what has this fingerprint.

        None if no claim is safe, as when a run that reads the date crosses midnight.
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


class Claims(Artifact):
    """The claims of a stage, keyed by what they are about."""

    claims: dict[str, Claim] = Field(default_factory=dict)


def today() -> date:
    """The day that queries of the current date see."""
    return datetime.now(UTC).date()


def read_claims(store: ArtifactStore, name: str) -> dict[str, Claim]:
    """The claims in artifact `name`; none where they are unreadable, so everything is redone."""
    try:
        found = store.get_model(name, Claims)
    except ArtifactError as error:
        _log.warning(f"nothing holds: {error}")
        return {}
    return dict(found.claims) if found else {}


def latest(claims: Iterable[Claim]) -> Claim:
    """The claim that was made last."""
    return max(claims, key=lambda claim: claim.at)


def since(claims: Iterable[Claim]) -> str:
    """`since <the latest of them>`, for people."""
    return f"since {latest(claims).at:%Y-%m-%d %H:%M} UTC"


def write_claims(store: ArtifactStore, name: str, run_id: str, claims: Mapping[str, Claim]) -> None:
    """Replace the claims of artifact `name`."""
    store.put_model(run_id, name, Claims(claims=dict(claims)))
