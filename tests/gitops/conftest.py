"""Environments that follow git: a gitea, Argo CD or Flux, on a real cluster.

KUBECONFIG names the cluster, GITEA_URL and GITEA_LOGIN (`name:password`) a gitea that its pods can
reach too. Without these, or without the controller's kinds on the cluster, tests are skipped; with
GITOPS_TESTS=required, it is an error if none of the requested ones can run. Images are as in
tests/cluster.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from cluster.images import built_images, built_on
from cluster.kube import ClusterError, output_of
from gitops.clone import Clone, image_of
from gitops.gitea import Gitea
from scripts.promotion.images import Image, read_images

HERE = Path(__file__).parent
NEEDED = ("KUBECONFIG", "GITEA_URL", "GITEA_LOGIN")
KINDS = {
    "test_argocd.py": "applicationsets.argoproj.io",
    "test_flux.py": "helmreleases.helm.toolkit.fluxcd.io",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(item.fspath).is_relative_to(HERE)]
    reasons = [_lacking(KINDS[Path(item.fspath).name]) for item in here]
    if os.environ.get("GITOPS_TESTS") == "required" and reasons and all(reasons):
        raise pytest.UsageError(reasons[0])
    for item, reason in zip(here, reasons, strict=True):
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@cache
def _lacking(kind: str) -> str:
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        return f"no {missing[0]}: these tests need a cluster and a gitea; see CONTRIBUTING.md"
    try:
        output_of("kubectl", "get", "customresourcedefinition", kind)
    except ClusterError:
        return f"the cluster has no {kind}; see CONTRIBUTING.md"
    return ""


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    """The five images, built and pushed, in a values file that names them by digest."""
    return built_images(tmp_path_factory.mktemp("images") / "images.yaml")


@pytest.fixture(scope="session")
def former(images) -> Image:
    """A catalog with the same code under another digest."""
    return _derived(images, "former")


@pytest.fixture(scope="session")
def bad(images) -> Image:
    """A catalog whose code server exits as it starts."""
    return _derived(images, "bad")


def _derived(images: Path, name: str) -> Image:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_TAG", name)
        built = built_on(images, "catalog", "catalog", HERE / name)
    return image_of(built, read_images(images)["catalog"])


@pytest.fixture(scope="module")
def clone(images, former, tmp_path_factory) -> Clone:
    """The repository on gitea, in which staging has the former catalog."""
    staging = read_images(images) | {"catalog": former}
    return Clone.made(tmp_path_factory.mktemp("clone"), Gitea.of_environment(), images, staging)


@pytest.fixture(scope="module")
def dev(environments):
    """The first of the environments that a module deploys."""
    return environments["dev"]


@pytest.fixture(scope="module")
def staging(environments):
    """The second of them."""
    return environments["staging"]
