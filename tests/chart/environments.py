"""The environments of `k8s/envs`, and what the chart renders for each."""

from __future__ import annotations

import functools

import yaml

from chart.rendering import CHART, NEWEST, Object, helm
from scripts.chart_values_page import ROOT
from scripts.promotion.images import RELEASE

ENVS = ROOT / "k8s" / "envs"
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
LOCATIONS = sorted(DEFAULTS["codeLocations"])


def values_flags(environment: str) -> list[str]:
    """Helm's flags for an environment's values files."""
    files = [ENVS / environment / name for name in ("values.yaml", "images.yaml")]
    return [part for file in files for part in ("--values", str(file))]


def rendered(*flags: str, release: str, kube: str = NEWEST) -> list[Object]:
    """The objects of a release, in a namespace of the same name."""
    text = helm("template", release, str(CHART), "--namespace", release,
                "--kube-version", kube, *flags)  # fmt: skip
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [found for found in yaml.load_all(text, Loader=loader) if found]


@functools.cache
def objects_of(environment: str, kube: str = NEWEST) -> list[Object]:
    """The objects of an environment."""
    return rendered(*values_flags(environment), release=f"{RELEASE}-{environment}", kube=kube)


def images(found: list[Object]) -> set[str]:
    """Every image in the objects' pods."""
    pods = [o["spec"]["template"]["spec"] for o in found if "template" in o.get("spec", {})]
    return {
        container["image"]
        for pod in pods
        for container in [*pod.get("initContainers", []), *pod["containers"]]
    }
