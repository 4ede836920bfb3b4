"""The proof that images work in an environment, and what it doesn't prove.

A proof has only facts: what ran, with which image, and how it ended. They are judged where the
proof is used, so that it can become too old.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from scripts.promotion.images import Image, Images, PromotionError
from stack.declarations import Declaration
from stack.pipelines import DAILY

YOUNGER_THAN = timedelta(days=1)
# For the difference between two machines' clocks.
_AHEAD = timedelta(minutes=5)


class RanBy(Declaration):
    """A run of a round: its location and image; `held`: it found nothing to do."""

    run_id: str
    location: str
    image: str
    status: str
    held: bool = False


class Checks(Declaration):
    """A round's asset checks, by outcome."""

    passed: int = 0
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Round(Declaration):
    """One daily pipeline over all stages, including retries."""

    pipeline_id: str
    outcome: str
    began: datetime
    ended: datetime | None
    runs: tuple[RanBy, ...]
    checks: Checks

    def by(self, location: str, image: Image) -> bool:
        """Whether the location's newest run in it used this image."""
        newest = next((run for run in reversed(self.runs) if run.location == location), None)
        return newest is not None and not newest.held and image.is_at(newest.image)


class Deployed(Declaration):
    """A Deployment: its image, and what keeps it from being ready."""

    name: str
    part: str
    image: str
    trouble: str = ""


class Proof(Declaration):
    """What an environment shows about the images in its file.

    `rounds` are newest first. `jobs` has, by location, the jobs that were seen with these images,
    with Dagster's id of their definition. `deployed` is None if no cluster was looked at.
    """

    version: Literal[1] = 1
    environment: str
    at: datetime
    images: dict[str, Image]
    rounds: tuple[Round, ...] = ()
    jobs: dict[str, dict[str, str]] = Field(default_factory=dict)
    deployed: tuple[Deployed, ...] | None = None

    @property
    def text(self) -> str:
        """The document."""
        return self.model_dump_json(indent=2) + "\n"

    @property
    def digest(self) -> str:
        """The document's digest, which commits mention."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"

    def round_of(self, location: str, image: Image) -> Round | None:
        """The newest finished daily pipeline with this image."""
        return next((one for one in self.rounds if one.ended and one.by(location, image)), None)


def read_proof(file: Path) -> Proof:
    """The proof that `stack prove` wrote. Raises PromotionError."""
    try:
        return Proof.model_validate_json(file.read_text())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise PromotionError(
            f"{file} is no proof: {place or 'all'}: {first['msg']}; write it with stack prove"
        ) from None
    except UnicodeError:
        raise PromotionError(f"{file} is no proof: not text; write it with stack prove") from None


@dataclass(frozen=True)
class Demand:
    """What must be proven: images that change, and those `beside` which they must have run.

    `cluster`: they must be deployed and ready. Without `warnings`, not even a check that only
    warns may have failed.
    """

    promoted: Images
    beside: Images = field(default_factory=dict)
    cluster: bool = True
    warnings: bool = False


def doubts(proof: Proof, demand: Demand, now: datetime) -> Iterator[str]:
    """A line for each image that the proof doesn't prove: why, and what to do."""
    where = proof.environment
    if proof.at > now + _AHEAD:
        yield f"the proof of {where} is of {_minute(proof.at)}, yet to come; set the clocks"
        return
    for name, image in demand.promoted.items():
        if proof.images.get(name) != image:
            told = [f"the proof of {where} is about another image; make it again"]
        else:
            told = [
                *([_undeployed(proof, name, image)] if demand.cluster else []),
                *([_unproven(proof, demand, name, now)] if name in DAILY.stages else []),
            ]
        yield from (f"{name} {image.short}: {one}" for one in told if one)


def _undeployed(proof: Proof, name: str, image: Image) -> str:
    where = proof.environment
    if proof.deployed is None:
        return (
            f"whether it is deployed and healthy in {where} was not looked at; "
            "name its cluster by --context, or say --without-cluster"
        )
    found = [one for one in proof.deployed if one.part == name]
    if not found:
        return f"not deployed in {where}; deploy it there first"
    for one in found:
        if not image.is_at(one.image):
            return f"{where} has {one.image} deployed; wait until it is rolled out"
        if one.trouble:
            return f"unhealthy in {where}: {one.name}: {one.trouble}; mend it there first"
    return ""


def _unproven(proof: Proof, demand: Demand, name: str, now: datetime) -> str:
    found = proof.round_of(name, demand.promoted[name])
    if found is None:
        return (
            f"no {DAILY.name} by it is over in {proof.environment}; run it there "
            "(with the option `full` if all holds)"
        )
    told = next(_lacking(found, demand, now), "")
    named = f"its last {DAILY.name} in {proof.environment} ({found.pipeline_id[:8]})"
    return told and f"{named} {told}"


def _lacking(found: Round, demand: Demand, now: datetime) -> Iterator[str]:
    """What a round lacks as a proof, the most serious first."""
    checks = found.checks
    if found.outcome != "succeeded":
        yield f"{found.outcome}; see why, and run it again"
    if checks.failed:
        yield f"failed the check {_some(checks.failed)}; mend that, and run it again"
    if checks.warned and not demand.warnings:
        yield f"warned of {_some(checks.warned)}; mend it, or say --with-warnings"
    if checks.missing:
        yield f"did not evaluate {_some(checks.missing)}; run it again"
    if not checks.passed:
        yield "evaluated no check; run it with the option `full`"
    if found.ended and now - found.ended > YOUNGER_THAN:
        yield f"ended {_minute(found.ended)}, more than a day ago; run it again"
    together = demand.beside | demand.promoted
    if others := [one for one, its in together.items() if not _fits(found, one, its)]:
        yield f"ran with another image of {_some(others)}; run them together"


def _fits(found: Round, name: str, image: Image) -> bool:
    ran = [run for run in found.runs if run.location == name]
    return not ran or image.is_at(ran[-1].image)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
