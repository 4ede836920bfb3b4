"""How large the images are, beside those of a plain `pip install` (benchmarks/images/Dockerfile).

    python -m benchmarks.image_sizes images.yaml REGISTRY_URL

images.yaml is what scripts/build-images.sh printed; the plain ones are built by the same
IMAGE_REGISTRY and BUILD_IMAGE. Sizes are those of the layers in the registry, compressed, in MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from benchmarks.report import print_table

ROOT = Path(__file__).parents[1]
DOCKERFILE = Path(__file__).parent / "images" / "Dockerfile"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MB = 1_000_000
Layers = dict[str, int]


def main() -> int:
    """Build the plain images, and print both."""
    if len(sys.argv) != 3:
        sys.exit("image_sizes: name the values file of the images, and the URL of their registry")
    images: dict[str, Any] = yaml.safe_load(Path(sys.argv[1]).read_text())["codeLocations"]
    registry = sys.argv[2].rstrip("/")
    ours = {
        name: layers(registry, part["image"]["repository"], part["image"]["digest"])
        for name, part in images.items()
    }
    plain = {
        name: layers(registry, f"freelancer-data-stack/plain-{name}", build_plain(name))
        for name in images
    }
    rows = [[name, _mb(ours[name]), _mb(plain[name])] for name in images]
    rows.append(["all of them, each layer once", _mb(_union(ours)), _mb(_union(plain))])
    print_table(("image", "ours, MB", "pip install, MB"), rows)
    return 0


def build_plain(location: str) -> str:
    """Build and push a location by `pip install`; its digest."""
    done = subprocess.run(
        [
            ROOT / "scripts" / "build-image.sh", f"plain-{location}", ROOT,
            "-f", DOCKERFILE, "--build-arg", f"LOCATION={location}",
        ],
        stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def layers(registry: str, repository: str, digest: str) -> Layers:
    """Compressed bytes by digest of the layers of an image, from its manifest."""
    url = f"{registry}/v2/{repository}/manifests/{digest}"
    request = urllib.request.Request(url, headers={"Accept": MANIFEST})
    with urllib.request.urlopen(request, timeout=30) as answer:
        manifest = json.load(answer)
    return {layer["digest"]: layer["size"] for layer in manifest["layers"]}


def _union(images: dict[str, Layers]) -> Layers:
    return {digest: size for image in images.values() for digest, size in image.items()}


def _mb(image: Layers) -> str:
    return f"{sum(image.values()) / MB:.0f}"


if __name__ == "__main__":
    sys.exit(main())
