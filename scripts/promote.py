"""Copy the image digests of one environment to the next: `make promote FROM=dev TO=staging`.

Digests go from file to file, so what was tried is what is promoted; no tag is ever resolved. The
rendered difference is shown, and the one changed file committed.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import yaml
from pydantic import Field

from scripts.chart_values_page import ROOT
from stack.declarations import Declaration, DeclarationError, load_declaration
from stack.errors import StackError

ENVIRONMENTS = ("dev", "staging", "prod")
RELEASE = "freelancer-data-stack"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class PromotionError(StackError):
    """Nothing was promoted; the message is one line that says why and what to do."""


class Image(Declaration):
    """An image under a registry that is the environment's own."""

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return f"{self.tag} {self.digest.removeprefix('sha256:')[:12] or '(no digest)'}"


class _Entry(Declaration):
    image: Image


class _Registry(Declaration):
    registry: str = ""


class _File(Declaration):
    dagster: _Entry
    locations: dict[str, _Entry] = Field(alias="codeLocations")
    image: _Registry = _Registry()


Images = dict[str, Image]
"""Images by code location; `dagster` is webserver and daemon, a name that no location may have."""


def images_file(root: Path, environment: str) -> Path:
    """Where an environment's images are named."""
    return root / "k8s" / "envs" / environment / "images.yaml"


def check_step(source: str, target: str) -> None:
    """Raises PromotionError unless target is the environment right after source."""
    usage = f"environments are {' → '.join(ENVIRONMENTS)}: make promote FROM=dev TO=staging"
    if not source or not target:
        raise PromotionError(f"FROM={source} TO={target}: both are needed; {usage}")
    for name in (source, target):
        if name not in ENVIRONMENTS:
            raise PromotionError(f"no environment `{name}`; {usage}")
    if source == target:
        raise PromotionError(f"FROM and TO are both {source}; {usage}")
    if ENVIRONMENTS.index(target) != ENVIRONMENTS.index(source) + 1:
        raise PromotionError(f"{source} to {target} is not one step forward; {usage}")


def read_images(file: Path) -> Images:
    """Images that an `images.yaml` names. Raises DeclarationError where it says anything else."""
    found = load_declaration(file, _File)
    entries = {"dagster": found.dagster, **found.locations}
    return {name: entry.image for name, entry in entries.items()}


def check_digests(images: Images, where: str) -> None:
    """Raises PromotionError, naming the first image without a digest."""
    for name, image in images.items():
        if not _DIGEST.fullmatch(image.digest):
            found = f"digest `{image.digest}`" if image.digest else "no digest"
            raise PromotionError(
                f"{where}: {name} has {found}, expected sha256:<64 hex digits>: "
                "build and deploy it there first"
            )


def with_images(text: str, images: Images) -> str:
    """Text of an `images.yaml` with other images; its comment on top and its registry stay."""
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    kept = {key: value for key, value in yaml.safe_load(text).items() if key == "image"}
    entries = {name: {"image": image.model_dump()} for name, image in images.items()}
    values = kept | {"dagster": entries.pop("dagster"), "codeLocations": entries}
    return comment + yaml.safe_dump(values, sort_keys=False)


def changes(before: Images, after: Images) -> Iterator[str]:
    """A line for each image that differs."""
    for name in before | after:
        old, new = before.get(name), after.get(name)
        if old != new:
            yield f"{name}: {old or 'absent'} → {new or 'removed'}"


def promote(root: Path, source: str, target: str) -> str:
    """Promote, commit, and return what to show.

    Raises PromotionError; the target's file is then as it was before.
    """
    check_step(source, target)
    here, there = (images_file(root, name) for name in (source, target))
    for file in (here, there):
        _check_committed(root, file)
    try:
        images, present = read_images(here), read_images(there)
    except DeclarationError as error:
        raise PromotionError(str(error).removeprefix(f"{root}/")) from None
    check_digests(images, str(here.relative_to(root)))
    before = there.read_text()
    if present == images:
        return f"nothing to promote: {target} has the images of {source}"
    after = with_images(before, images)
    difference = _difference(_render(root, target, before), _render(root, target, after))
    summary = "\n".join(changes(present, images))
    message = f"Promote the images of {source} to {target}\n\n{summary}"
    _write(there, after)
    try:
        _git(root, "commit", "--quiet", "--message", message, "--", str(there))
    except PromotionError:
        _write(there, before)
        raise
    commit = _git(root, "rev-parse", "--short", "HEAD").strip()
    return f"{difference}\n{summary}\n\ncommitted as {commit}; push it to roll {target} out"


def _difference(before: str, after: str) -> str:
    """Lines that differ, object by object."""
    old, new = _objects(before), _objects(after)
    return "\n".join(
        line
        for name in sorted(old | new)
        for line in difflib.unified_diff(
            old.get(name, []), new.get(name, []), f"{name} now", f"{name} then", lineterm="", n=0
        )
    )


def _objects(manifests: str) -> dict[str, list[str]]:
    found = [one for one in yaml.safe_load_all(manifests) if one]
    return {
        f"{one['kind']}/{one['metadata']['name']}": yaml.safe_dump(one, width=10_000).splitlines()
        for one in found
    }


def _render(root: Path, environment: str, images: str) -> str:
    """The environment's manifests with these images, for the oldest Kubernetes of the chart."""
    chart = root / "charts" / RELEASE
    oldest = re.search(
        r">=([0-9.]+)", yaml.safe_load((chart / "Chart.yaml").read_text())["kubeVersion"]
    )
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / "images.yaml"
        candidate.write_text(images)
        release = f"{RELEASE}-{environment}"
        return _run(
            root, os.environ.get("HELM_BIN", "helm"),
            "template", release, str(chart), "--namespace", release,
            "--kube-version", oldest[1] if oldest else "",
            "--values", str(images_file(root, environment).with_name("values.yaml")),
            "--values", str(candidate),
        )  # fmt: skip


def _check_committed(root: Path, file: Path) -> None:
    if not file.exists():
        raise PromotionError(f"no file {file.relative_to(root)}: an environment needs one")
    if _git(root, "status", "--porcelain", "--", str(file)):
        raise PromotionError(
            f"{file.relative_to(root)} has changes that are not committed: commit or restore it"
        )


def _git(root: Path, *arguments: str) -> str:
    return _run(root, "git", *arguments)


def _run(root: Path, name: str, *arguments: str) -> str:
    program = shutil.which(name)
    if not program:
        raise PromotionError(f"no {name} on PATH: install it (HELM_BIN may name a helm elsewhere)")
    done = subprocess.run(
        [program, *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join((done.stderr or done.stdout or "no word").split())
        raise PromotionError(f"{Path(name).name} {arguments[0]} failed: {said}")
    return done.stdout


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    new = file.with_suffix(".new")
    try:
        new.write_text(text)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


@click.command()
@click.argument("source")
@click.argument("target")
def promote_command(source: str, target: str) -> None:
    """Copy the image digests of the environment SOURCE to TARGET, as a commit on a branch."""
    click.echo(promote(ROOT, source, target))
