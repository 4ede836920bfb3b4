"""A release on a real cluster, that the tests of this folder share.

KUBECONFIG names the cluster; IMAGE_REGISTRY and BUILD_IMAGE are as scripts/build-images.sh wants
them. Without KUBECONFIG all are skipped; with CLUSTER_TESTS=required that is an error.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster.kube import ClusterError, Namespace, api_proxy, make_namespace, output_of
from cluster.release import Release
from support.stack_process import ROOT, StackProcess

REASON = "no KUBECONFIG: these tests need a cluster; see CONTRIBUTING.md"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(item.fspath).is_relative_to(Path(__file__).parent)]
    if here and not os.environ.get("KUBECONFIG"):
        if os.environ.get("CLUSTER_TESTS") == "required":
            raise pytest.UsageError(REASON)
        for item in here:
            item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """What the cluster says of itself, beside a test that failed."""
    report = yield
    if report.failed and (release := item.funcargs.get("release")):  # type: ignore[attr-defined]
        report.sections.append(("cluster", _state_of(release.namespace)))
    return report


def _state_of(namespace: Namespace) -> str:
    shown = [["get", "pods,jobs", "-o", "wide"], ["get", "events", "--sort-by=.lastTimestamp"]]
    parts = [_said(namespace, *arguments)[-6000:] for arguments in shown]
    parts += [
        f"--- {pod}\n{_said(namespace, 'logs', pod, '--all-containers', '--tail=25')}"
        for pod in namespace.names("pods")
    ]
    return "\n".join(parts)


def _said(namespace: Namespace, *arguments: str) -> str:
    try:
        return namespace.kubectl(*arguments)
    except ClusterError as error:
        return str(error)


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    """The five images, built and pushed; a values file that names them by digest.

    IMAGES names a file of an earlier build to use instead.
    """
    if given := os.environ.get("IMAGES"):
        return Path(given)
    file = tmp_path_factory.mktemp("images") / "images.yaml"
    with file.open("w") as output:
        subprocess.run([ROOT / "scripts" / "build-images.sh"], stdout=output, check=True)
    return file


@pytest.fixture(scope="session")
def proxy(tmp_path_factory) -> Iterator[str]:
    """URL of the cluster's API, on loopback."""
    with api_proxy(tmp_path_factory.mktemp("proxy") / "log") as url:
        yield url


def holds_other_images(images: Path) -> bool:
    """Whether the node has the tag of one of the images already, with another content."""
    values = yaml.safe_load(images.read_text())
    wanted = [values["dagster"]["image"]]
    wanted += [location["image"] for location in values["codeLocations"].values()]
    nodes = json.loads(output_of("kubectl", "get", "nodes", "-o", "json"))["items"]
    for image in [image for node in nodes for image in node["status"].get("images", [])]:
        for ours in wanted:
            tagged = any(n.endswith(f"{ours['repository']}:{ours['tag']}") for n in image["names"])
            if tagged and not any(n.endswith(ours["digest"]) for n in image["names"]):
                return True
    return False


@pytest.fixture(scope="session")
def release(images, proxy) -> Iterator[Release]:
    """The stack in namespace `data`, installed with no values and with its images in the registry.

    Where the node has an older image under the same tag, the images are named by digest.
    """
    release = Release("stack", make_namespace("data"), proxy)
    if holds_other_images(images):
        release.values += ["--values", str(images)]
    try:
        release.install()
        yield release
    except ClusterError as error:
        raise ClusterError(f"{error}\n{_state_of(release.namespace)}") from None
    finally:
        if not os.environ.get("KEEP_RELEASE"):
            output_of("kubectl", "delete", "namespace", "data", "--wait=true")


@pytest.fixture(scope="session")
def lake(release, tmp_path_factory) -> Iterator[dict[str, str]]:
    """The stack's variables that lead to the release's lake and store from here."""
    logs = tmp_path_factory.mktemp("forwarded")
    forwarded = release.namespace.forwarded
    secret = release.secret("transformation")
    with (
        forwarded(f"service/{release.fullname}-postgresql", 5432, logs / "pg") as pg_port,
        forwarded(f"service/{release.fullname}-s3", 8333, logs / "s3") as s3_port,
    ):
        catalog = secret["DUCKLAKE_CATALOG_URL"].rpartition("@")[0]
        yield {
            "DLT_DESTINATION": "ducklake",
            "DUCKLAKE_CATALOG_URL": f"{catalog}@127.0.0.1:{pg_port}/lake",
            "DUCKLAKE_DATA_URL": "s3://freelancer-data-stack/lake",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3_port}",
            "AWS_ACCESS_KEY_ID": secret["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": secret["AWS_SECRET_ACCESS_KEY"],
        }


@pytest.fixture(scope="session")
def on_one_machine(tmp_path_factory) -> StackProcess:
    """The same pipeline on one machine, run once."""
    stack = StackProcess(tmp_path_factory.mktemp("machine") / "stack")
    stack.write_sample_data()
    done = stack.run_pipeline()
    assert done.returncode == 0, done.stdout + done.stderr
    return stack
