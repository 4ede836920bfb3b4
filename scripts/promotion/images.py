"""The images that an environment runs: `k8s/envs/<environment>/images.yaml`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import yaml
from pydantic import Field

from stack.declarations import Declaration, DeclarationError, load_declaration
from stack.errors import StackError

ENVIRONMENTS = ("dev", "staging", "prod")
RELEASE = "freelancer-data-stack"
DAGSTER = "dagster"
"""Image name of the webserver and the daemon, which no location may have."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class PromotionError(StackError):
    """Nothing was promoted; the message is one line that says why and what to do."""


class Image(Declaration):
    """An image in the environment's own registry; `commit` is what it was built from."""

    repository: str
    tag: str
    digest: str
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.tag} {self.short or '(no digest)'}"

    @property
    def short(self) -> str:
        """Enough of the digest for people."""
        return self.digest.removeprefix("sha256:")[:12]

    def is_at(self, reference: str) -> bool:
        """Whether `reference`, as written by Kubernetes, is this digest in this repository."""
        named = f"{self.repository}@{self.digest}"
        return bool(self.digest) and (reference == named or reference.endswith(f"/{named}"))


class _Entry(Declaration):
    image: Image


class _Registry(Declaration):
    registry: str = ""


class _File(Declaration):
    dagster: _Entry
    locations: dict[str, _Entry] = Field(alias="codeLocations")
    image: _Registry = _Registry()


Images = dict[str, Image]
"""Images by code location, and DAGSTER's."""


def images_file(root: Path, environment: str) -> Path:
    """The file that names an environment's images."""
    return root / "k8s" / "envs" / environment / "images.yaml"


def check_environment(name: str) -> None:
    """Raise PromotionError if there is no such environment."""
    if name not in ENVIRONMENTS:
        raise PromotionError(f"no environment `{name}`; environments are {_ORDER}")


def check_step(source: str, target: str) -> None:
    """Raise PromotionError unless target comes directly after source."""
    usage = f"environments are {_ORDER}: make promote FROM=dev TO=staging"
    if not source or not target:
        raise PromotionError(f"FROM={source} TO={target}: both are needed; {usage}")
    for name in (source, target):
        check_environment(name)
    if source == target:
        raise PromotionError(f"FROM and TO are both {source}; {usage}")
    if ENVIRONMENTS.index(target) != ENVIRONMENTS.index(source) + 1:
        raise PromotionError(f"{source} to {target} is not one step forward; {usage}")


def read_images(file: Path) -> Images:
    """The images in an `images.yaml`. Raises DeclarationError if it has anything else."""
    found = load_declaration(file, _File)
    entries = {DAGSTER: found.dagster, **found.locations}
    return {name: entry.image for name, entry in entries.items()}


def environment_images(root: Path, environment: str) -> Images:
    """An environment's images. Errors are PromotionErrors that name the file relative to `root`."""
    file = images_file(root, environment)
    if not file.is_file():
        raise PromotionError(f"no file {file.relative_to(root)}: an environment needs one")
    try:
        return read_images(file)
    except DeclarationError as error:
        raise PromotionError(str(error).removeprefix(f"{root}/")) from None


def check_digests(images: Images, where: str) -> None:
    """Raise PromotionError, naming the first image without a digest."""
    for name, image in images.items():
        if not _DIGEST.fullmatch(image.digest):
            found = f"digest `{image.digest}`" if image.digest else "no digest"
            raise PromotionError(
                f"{where}: {name} has {found}, expected sha256:<64 hex digits>: "
                "build and deploy it there first"
            )


def with_promoted(present: Images, offered: Images, only: Collection[str]) -> Images:
    """The target's images afterwards: all that the source offers, or `only` some of them.

    Raises PromotionError for a location that neither has.
    """
    if not only:
        return offered
    for name in only:
        if name not in offered and name not in present:
            raise PromotionError(f"no location {name}; there is {', '.join(sorted(offered))}")
    kept = {name: image for name, image in present.items() if name not in only}
    chosen = {name: image for name, image in offered.items() if name in only}
    order = list(present | offered)
    return dict(sorted((kept | chosen).items(), key=lambda found: order.index(found[0])))


def with_images(text: str, images: Images) -> str:
    """The text of an `images.yaml` with other images; its top comment and its registry stay."""
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    kept = {key: value for key, value in yaml.safe_load(text).items() if key == "image"}
    entries = {
        name: {"image": image.model_dump(exclude_defaults=True)} for name, image in images.items()
    }
    values = kept | {DAGSTER: entries.pop(DAGSTER), "codeLocations": entries}
    return comment + yaml.safe_dump(values, sort_keys=False)


def changed(before: Images, after: Images) -> Images:
    """The images of `after` with another digest or repository than before."""
    return {name: image for name, image in after.items() if not _same(before.get(name), image)}


def equal(before: Images, after: Images) -> bool:
    """Whether nothing would change: the same locations with the same digests."""
    return before.keys() == after.keys() and not changed(before, after)


def changes(before: Images, after: Images) -> Iterator[str]:
    """A line for each image that differs."""
    for name in before | after:
        old, new = before.get(name), after.get(name)
        if old != new:
            yield f"{name}: {old or 'absent'} → {new or 'removed'}"


def _same(old: Image | None, new: Image) -> bool:
    return old is not None and (old.repository, old.digest) == (new.repository, new.digest)


_ORDER = " → ".join(ENVIRONMENTS)
