"""Whether an environment got a commit's images, and works with them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scripts.promotion.cluster import Broken
from scripts.promotion.images import DAGSTER, Images, PromotionError
from scripts.promotion.proof import Deployed

EVERY_S = 2.0


class State(StrEnum):
    """The states that a forge has for a commit."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True)
class Verdict:
    """What to say about a commit, in one line."""

    state: State
    told: str


@dataclass(frozen=True)
class Look:
    """What a cluster shows of an environment at one moment."""

    deployed: Sequence[Deployed]
    broken: Sequence[Broken]


def watch(images: Images, look: Callable[[], Look], within_s: float) -> Verdict:
    """Look until everything runs with these images, or can't, or time is up.

    A failed look is repeated, except the first. Raises PromotionError.
    """
    ends = time.monotonic() + within_s
    verdict = judge(images, look())
    while verdict.state == State.PENDING and time.monotonic() < ends:
        time.sleep(EVERY_S)
        try:
            verdict = judge(images, look())
        except PromotionError as error:
            verdict = Verdict(State.PENDING, str(error))
    if verdict.state == State.PENDING:
        return Verdict(State.FAILURE, f"not after {within_s:.0f} s: {verdict.told}")
    return verdict


def judge(images: Images, seen: Look) -> Verdict:
    """The verdict of one look, without locations that aren't deployed, such as disabled ones."""
    for one in seen.broken:
        image = images.get(one.part)
        if image is not None and image.is_at(one.image):
            return Verdict(State.FAILURE, f"{one.part} {image.short}: {one.name} {one.trouble}")
    if lacking := next(_lacking(images, seen.deployed), ""):
        return Verdict(State.PENDING, lacking)
    parts = sorted({one.part for one in seen.deployed})
    return Verdict(State.SUCCESS, f"{', '.join(parts)} run by its images")


def _lacking(images: Images, deployed: Sequence[Deployed]) -> Iterator[str]:
    if all(one.part != DAGSTER for one in deployed):
        yield "webserver and daemon are not deployed yet"
    for one in deployed:
        image = images.get(one.part)
        if image is None:
            yield f"{one.name} is still there, but no image is named for it"
        elif not image.is_at(one.image):
            yield f"{one.name} still has {one.image}"
        elif one.trouble:
            yield f"{one.name}: {one.trouble}"
