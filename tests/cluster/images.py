"""The five images, named by digest in a values file, and others built on them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from cluster.kube import output_of
from support.stack_process import ROOT

Image = dict[str, str]


def built_images(file: Path) -> Path:
    """Build and push the five, and name them in a values file; return its path.

    IMAGES names a file from an earlier build to use instead.
    """
    if given := os.environ.get("IMAGES"):
        return Path(given)
    with file.open("w") as output:
        script = ROOT / "scripts" / "build-images.sh"
        subprocess.run([script], stdout=output, stderr=sys.stderr, check=True)
    return file


def parts_of(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The parts of a values file that have an image, by name: `dagster` and each location."""
    return {"dagster": values["dagster"], **values["codeLocations"]}


def built_on(images: Path, part: str, name: str, folder: Path) -> Image:
    """Build `folder`, whose Dockerfile takes BASE, on a part's image, as the chart's `image`."""
    values = yaml.safe_load(images.read_text())
    base = parts_of(values)[part]["image"]
    reference = f"{values['image']['registry']}/{base['repository']}@{base['digest']}"
    command = [ROOT / "scripts" / "build-image.sh", name, folder, "-f", folder / "Dockerfile"]
    digest = output_of(*command, "--build-arg", f"BASE={reference}").strip()
    assert digest != base["digest"]
    return {"repository": f"freelancer-data-stack/{name}", "digest": digest}
