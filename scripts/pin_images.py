"""Pin third-party images to their registries' current digests: `make pin > pinned.yaml`."""

from __future__ import annotations

import os
from typing import Any

import click
import yaml

from scripts.chart_values_page import CHART
from scripts.programs import output_of, plain_http
from scripts.provenance import BASE

PLACES = {
    "postgresql": ("postgresql", "image"),
    "seaweedfs": ("s3", "image"),
    "oauth2-proxy": ("auth", "oidc", "proxy", "image"),
}
"""Where the values name a third-party image, by its name in Chart.yaml."""


def pinned(mirror: str = "") -> dict[str, object]:
    """Values with digests for the images that the chart names by tag. Raises ProgramError.

    `mirror` is asked instead of the registries, for a cluster that pulls through one.
    """
    values: dict[str, object] = {}
    chart = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in PLACES.values():
        image = chart
        for key in path:
            image = image[key]
        here: Any = {"digest": digest_of(f"{image['repository']}:{image['tag']}", mirror)}
        for key in reversed(path[1:]):
            here = {key: here}
        values[path[0]] = here
    return values


def digest_of(reference: str, mirror: str = "") -> str:
    """The digest that a registry has for a tag. Raises ProgramError."""
    registry, slash, rest = reference.partition("/")
    if mirror:
        named = slash and ("." in registry or ":" in registry)
        path = rest if named else reference
        reference = f"{mirror}/{path if '/' in path else f'library/{path}'}"
    plain = ("--plain-http",) if plain_http() else ()
    return output_of("oras", "resolve", *plain, reference).strip()


@click.command()
@click.option("--base", is_flag=True, help="Say what BASE is to be for build-images.sh instead.")
def pin_command(base: bool) -> None:
    """Print values that name Postgres, SeaweedFS and oauth2-proxy by digest.

    MIRROR is a registry that is asked instead; REGISTRY_PLAIN_HTTP=1 means without TLS.
    """
    mirror = os.environ.get("MIRROR", "")
    if base:
        click.echo(f"{BASE}@{digest_of(f'docker.io/library/{BASE}', mirror)}")
    else:
        click.echo(yaml.safe_dump(pinned(mirror), sort_keys=False), nl=False)
