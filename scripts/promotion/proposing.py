"""A changed `images.yaml` as a branch with one commit, and a pull request on a forge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.promotion.forge import Forge, ForgeError
from scripts.promotion.images import PromotionError, images_file, with_images
from scripts.promotion.message import Change
from scripts.promotion.repository import Repository


@dataclass(frozen=True)
class Proposal:
    """A change, its branch, and a work tree of the commit that it is based on."""

    change: Change
    branch: str
    base: str
    tree: Path

    @property
    def file(self) -> str:
        """The changed file, within the repository."""
        return str(images_file(Path(), self.change.environment))

    @property
    def text(self) -> str:
        """The file's new content."""
        return with_images((self.tree / self.file).read_text(), self.change.after)


def propose(repository: Repository, proposal: Proposal, forge: Forge | None) -> str:
    """Make the branch and the pull request; return what was done.

    A repeated call finds both and does only what is left. Raises PromotionError; then nothing is
    left behind, unless the forge can't be asked whether it did what was requested.
    """
    name = proposal.branch
    standing = repository.standing(name, proposal.file, proposal.base)
    if standing and repository.content(standing, proposal.file) != proposal.text:
        raise PromotionError(
            f"branch {name} has other images, of {standing[:9]}: merge it, or delete it, and again"
        )
    url = forge.find(name, repository.branch) if forge else ""
    if standing and (url or not forge):
        return f"branch {name} is there already, with the same images{url and f': {url}'}"
    commit = standing or repository.commit(
        proposal.tree, proposal.tree / proposal.file, proposal.text, proposal.change.commit
    )
    before = None if standing else repository.keep(name, commit)
    if forge is None:
        return f"committed as {commit[:9]} on {name}; git push origin {name}, and have it merged"
    pushed = False
    try:
        if repository.at_remote(name) != commit:
            repository.push(name, commit)
            pushed = True
        url = url or forge.open(
            name, repository.branch, proposal.change.title, proposal.change.pull_request
        )
    except PromotionError as error:
        if isinstance(error, ForgeError) and not error.known:
            raise PromotionError(f"{error}; branch {name} is pushed and stays") from None
        if pushed:
            repository.unpush(name, commit)
        if before is not None:
            repository.put_back(name, commit, before)
        raise
    return f"committed as {commit[:9]} on {name}: {url}"
