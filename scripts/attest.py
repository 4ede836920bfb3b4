"""Attach to each image what it contains (SBOM) and how it was built (provenance): `make attest`.

Both are separate artifacts in the registry that refer to the image by its digest (OCI 1.1);
`oras discover` and registries' own pages list them.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click

from scripts.chart_values_page import ROOT
from scripts.programs import output_of, plain_http
from scripts.promotion.images import check_digests, read_images
from stack.declarations import load_mapping
from stack.errors import StackError

SBOM = "application/spdx+json"
PROVENANCE = "application/vnd.in-toto+json"
STATEMENTS = ROOT / ".tools" / "provenance"


class AttestError(StackError):
    """An image can't be attested; the message says which one, and what to do."""


def references(images_file: Path, registry: str) -> dict[str, str]:
    """The images of an `images.yaml`, by name, each with its digest. Raises StackError."""
    images = read_images(images_file)
    check_digests(images, str(images_file))
    where = registry or str(load_mapping(images_file).get("image", {}).get("registry", ""))
    prefix = f"{where.rstrip('/')}/" if where else ""
    return {n: f"{prefix}{image.repository}@{image.digest}" for n, image in images.items()}


def attached(reference: str) -> dict[str, str]:
    """The digests of what refers to an image, by kind. Raises ProgramError."""
    said = json.loads(_oras("discover", reference, "--format", "json"))
    return {one["artifactType"]: one["digest"] for one in said.get("referrers") or ()}


def sbom_of(reference: str, file: Path) -> None:
    """Write what an image contains, as SPDX. Raises ProgramError."""
    insecure = {"SYFT_REGISTRY_INSECURE_USE_HTTP": "true"} if plain_http() else {}
    quiet = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "SYFT_QUIET": "true"}
    output_of(
        "syft", "scan", f"registry:{reference}", "--output", f"spdx-json={file}",
        environment=insecure | quiet,
    )  # fmt: skip


def provenance_of(name: str, reference: str, folder: Path) -> str:
    """The build's statement about this image. Raises AttestError if it is about another one."""
    file = folder / f"{name}.json"
    next_step = "build it with scripts/build-images.sh on this machine, then attest"
    if not file.exists():
        raise AttestError(f"{name}: no provenance in {folder}", next_step=next_step)
    digest = reference.rpartition("@sha256:")[2]
    text = file.read_text()
    [subject] = json.loads(text)["subject"]
    if subject["digest"]["sha256"] != digest:
        raise AttestError(
            f"{file} is of another build",
            found=f"sha256:{subject['digest']['sha256'][:12]}",
            expected=f"sha256:{digest[:12]}",
            next_step=next_step,
        )
    return text


def attach(reference: str, kind: str, name: str, write: Callable[[Path], object]) -> None:
    """Attach a document to an image, unless it has one of that kind. Raises StackError."""
    if kind in attached(reference):
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        file = f"{Path(folder) / name}:{kind}"
        _oras("attach", "--disable-path-validation", "--artifact-type", kind, reference, file)


def attest(named: Iterable[tuple[str, str]], statements: Path) -> Iterable[str]:
    """Attest images, given by name and reference; yield a line for each. Raises StackError."""
    for name, reference in named:
        # First, so that an image without provenance isn't half attested.
        if PROVENANCE not in attached(reference):
            said = provenance_of(name, reference, statements)
            attach(reference, PROVENANCE, f"{name}.provenance.json", partial(_write, said))
        attach(reference, SBOM, f"{name}.spdx.json", partial(sbom_of, reference))
        found = attached(reference)
        missing = {SBOM, PROVENANCE} - set(found)
        if missing:
            raise AttestError(
                f"{reference}: the registry lists no {' and no '.join(sorted(missing))}",
                next_step="use a registry that speaks OCI 1.1",
            )
        yield f"{reference}\n" + "\n".join(f"  {k} {found[k]}" for k in (SBOM, PROVENANCE))


def _write(text: str, file: Path) -> None:
    file.write_text(text)


def _oras(*arguments: str) -> str:
    plain = ("--plain-http",) if plain_http() else ()
    return output_of("oras", arguments[0], *plain, *arguments[1:])


@click.command()
@click.argument("images_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--only", multiple=True, help="These images only, such as `dagster`.")
def attest_command(images_file: Path, only: tuple[str, ...]) -> None:
    """Attach SBOM and provenance to the images of IMAGES_FILE, and list what they have.

    REGISTRY is where they are reached from here, if not as the file says; REGISTRY_PLAIN_HTTP=1
    means without TLS.
    """
    named = references(images_file, os.environ.get("REGISTRY", ""))
    chosen = [(n, reference) for n, reference in named.items() if not only or n in only]
    for line in attest(chosen, Path(os.environ.get("PROVENANCE", STATEMENTS))):
        click.echo(line)
