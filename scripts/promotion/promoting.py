"""Promotes from one environment to the next, and rolls back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scripts.promotion.contracts import misfits
from scripts.promotion.forge import Forge
from scripts.promotion.images import (
    Images,
    PromotionError,
    changed,
    check_digests,
    check_environment,
    check_step,
    environment_images,
    equal,
    images_file,
    with_images,
    with_promoted,
)
from scripts.promotion.looking import Queued, warnings
from scripts.promotion.message import Change, digests, promoted_trailers
from scripts.promotion.proof import Demand, Proof, doubts
from scripts.promotion.proposing import Proposal, propose
from scripts.promotion.rendering import difference, render
from scripts.promotion.repository import Repository


@dataclass(frozen=True)
class Promotion:
    """What to promote: from where to where, and which locations; none means all.

    `prove` returns the proof of these images in the source, `waiting` the target's queued runs, or
    None if nobody looks. `data` is the difference in data, in Markdown.
    """

    source: str
    target: str
    prove: Callable[[Images], Proof]
    only: frozenset[str] = frozenset()
    cluster: bool = True
    with_warnings: bool = False
    waiting: Callable[[], tuple[Queued, ...] | None] = lambda: None
    data: str = ""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def promote(
    repository: Repository, wanted: Promotion, forge: Forge | None = None, *, dry_run: bool = False
) -> str:
    """Promote by a branch and a pull request; return what to show.

    Raises PromotionError with the reasons; then nothing is changed.
    """
    source, target = wanted.source, wanted.target
    check_step(source, target)
    base = repository.base((source, target))
    with repository.checkout(base) as tree:
        offered, present = (environment_images(tree, name) for name in (source, target))
        after = with_promoted(present, offered, wanted.only)
        promoted = {name: image for name, image in after.items() if name in offered}
        promoted = {n: i for n, i in promoted.items() if not wanted.only or n in wanted.only}
        check_digests(promoted, str(images_file(Path(), source)))
        if equal(present, after):
            return f"nothing to promote: {target} has the images of {source}"
        promoted = {name: promoted[name] for name in changed(present, promoted)}
        beside = {} if wanted.only else after
        proof = wanted.prove(offered)
        demand = Demand(promoted, beside, wanted.cluster, wanted.with_warnings)
        _refuse(proof, demand, wanted)
        if wanted.only and (found := list(misfits(after, repository))):
            raise PromotionError(f"{'; '.join(found)}: promote both, or neither")
        waiting = wanted.waiting()
        change = Change(
            title=f"Promote {_named(wanted.only)} of {source} to {target}",
            environment=target,
            before=present,
            after=after,
            trailers=promoted_trailers(source, base, promoted, proof),
            proof=proof,
            remarks=_remarks(wanted, proof, promoted, waiting),
            rendered=_rendered(tree, target, after),
            data=wanted.data,
        )
        proposal = Proposal(change, f"promote/{source}-to-{target}", base, tree)
        done = _done(repository, proposal, forge, dry_run)
    return f"{change.shown}\n\n{done}"


def roll_back(
    repository: Repository,
    environment: str,
    to: str = "",
    forge: Forge | None = None,
    *,
    dry_run: bool = False,
) -> str:
    """Give an environment its previous images, or those at a commit; otherwise like `promote`."""
    check_environment(environment)
    base = repository.base((environment,))
    with repository.checkout(base) as tree:
        present = environment_images(tree, environment)
        commit, after = _former(repository, environment, base, present, to)
        if equal(present, after):
            return f"nothing to take back: {environment} has the images of {commit[:9]}"
        check_digests(after, f"{images_file(Path(), environment)} of {commit[:9]}")
        change = Change(
            title=f"Take {environment} back to the images of {commit[:9]}",
            environment=environment,
            before=present,
            after=after,
            trailers=(("Rolled-Back-To", commit), *digests(changed(present, after))),
            rendered=_rendered(tree, environment, after),
        )
        proposal = Proposal(change, f"rollback/{environment}", base, tree)
        done = _done(repository, proposal, forge, dry_run)
    return f"{change.shown}\n\n{done}"


def _refuse(proof: Proof, demand: Demand, wanted: Promotion) -> None:
    source = wanted.source
    if proof.environment != source:
        raise PromotionError(
            f"the proof is of {proof.environment}, not of {source}; stack prove {source}"
        )
    if found := list(doubts(proof, demand, wanted.now())):
        raise PromotionError(f"not proven: {'; '.join(found)}")


def _former(
    repository: Repository, environment: str, base: str, present: Images, to: str
) -> tuple[str, Images]:
    """The commit to go back to, and its images."""
    file = str(images_file(Path(), environment))
    if to:
        commit = repository.commit_of(to)
        return commit, images_at(repository, commit, environment)
    for commit in repository.history(file, base)[1:]:
        found = images_at(repository, commit, environment)
        if not equal(present, found):
            return commit, found
    raise PromotionError(f"{file} never had other images; name a commit to go back to")


def images_at(repository: Repository, commit: str, environment: str) -> Images:
    """The images in an environment's file at a commit. Raises PromotionError."""
    with repository.checkout(commit) as tree:
        return environment_images(tree, environment)


def _rendered(tree: Path, environment: str, after: Images) -> str:
    before = images_file(tree, environment).read_text()
    then = with_images(before, after)
    return difference(render(tree, environment, before), render(tree, environment, then))


def _remarks(
    wanted: Promotion, proof: Proof, promoted: Images, waiting: tuple[Queued, ...] | None
) -> tuple[str, ...]:
    told = []
    if not wanted.cluster:
        told.append(f"whether {wanted.source} is deployed and healthy was not looked at")
    rounds = [found for name, image in promoted.items() if (found := proof.round_of(name, image))]
    warned = sorted({check for found in rounds for check in found.checks.warned})
    told += [f"{wanted.source} warned of {check}" for check in warned]
    if waiting is None:
        told.append(f"what waits in {wanted.target}'s queue was not looked at")
    else:
        told += warnings(waiting, promoted, proof.jobs, wanted.target)
    return tuple(told)


def _done(repository: Repository, proposal: Proposal, forge: Forge | None, dry_run: bool) -> str:
    if dry_run:
        return f"dry run: nothing was made; it would be branch {proposal.branch}"
    return propose(repository, proposal, forge)


def _named(only: frozenset[str]) -> str:
    return ", ".join(sorted(only)) if only else "the images"
