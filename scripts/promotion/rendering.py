"""What the chart renders for an environment, before and after."""

from __future__ import annotations

import difflib
import re
import tempfile
from pathlib import Path

import yaml

from scripts.programs import ProgramError, output_of
from scripts.promotion.images import RELEASE, PromotionError, images_file


def difference(before: str, after: str) -> str:
    """Lines that differ between two sets of manifests, object by object."""
    old, new = _objects(before), _objects(after)
    return "\n".join(
        line
        for name in sorted(old | new)
        for line in difflib.unified_diff(
            old.get(name, []), new.get(name, []), f"{name} now", f"{name} then", lineterm="", n=0
        )
    )


def render(root: Path, environment: str, images: str) -> str:
    """The environment's manifests with these images, for the oldest supported Kubernetes."""
    chart = root / "charts" / RELEASE
    oldest = re.search(
        r">=([0-9.]+)", yaml.safe_load((chart / "Chart.yaml").read_text())["kubeVersion"]
    )
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / "images.yaml"
        candidate.write_text(images)
        release = f"{RELEASE}-{environment}"
        try:
            return output_of(
                "helm", "template", release, str(chart), "--namespace", release,
                "--kube-version", oldest[1] if oldest else "",
                "--values", str(images_file(root, environment).with_name("values.yaml")),
                "--values", str(candidate),
                folder=root, told_lines=20,
            )  # fmt: skip
        except ProgramError as error:
            raise PromotionError(str(error)) from None
        except OSError as error:
            raise PromotionError(f"helm can't be run: {error}") from None


def _objects(manifests: str) -> dict[str, list[str]]:
    found = [one for one in yaml.safe_load_all(manifests) if one]
    for one in found:
        if one["kind"] == "Secret":  # what is shown may become a comment on a forge
            one.pop("data", None)
            one.pop("stringData", None)
    return {
        f"{one['kind']}/{one['metadata']['name']}": yaml.safe_dump(one, width=10_000).splitlines()
        for one in found
    }
