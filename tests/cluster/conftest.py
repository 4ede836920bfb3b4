"""A release on a real cluster, shared by the tests in this folder.

KUBECONFIG names the cluster; IMAGE_REGISTRY and BUILD_IMAGE are as for scripts/build-images.sh.
Without KUBECONFIG all tests are skipped, which is an error with CLUSTER_TESTS=required.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.images import built_images, built_on, parts_of
from cluster.kube import ClusterError, Namespace, make_namespace, output_of
from cluster.release import Release, helm
from cluster.stranger import DEFAULT_DENY
from ingestion.sample_data import DEFAULT_SIZE
from support.stack_process import ROOT, StackProcess

PROBE = Path(__file__).parent / "probe"
REASON = "no KUBECONFIG: these tests need a cluster; see CONTRIBUTING.md"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(item.fspath).is_relative_to(Path(__file__).parent)]
    if here and not os.environ.get("KUBECONFIG"):
        if os.environ.get("CLUSTER_TESTS") == "required":
            raise pytest.UsageError(REASON)
        for item in here:
            item.add_marker(pytest.mark.skip(reason=REASON))
    # One release at a time: tests of `probed` start after `release`'s last test uninstalled it.
    items.sort(key=lambda item: "probed" in getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Add the state of the cluster to the report of a failed test."""
    report = yield
    used = item.funcargs if report.failed else {}  # type: ignore[attr-defined]
    for release in (used[name] for name in ("release", "probed") if name in used):
        report.sections.append(("cluster", state_of(release.namespace)))
    return report


def state_of(namespace: Namespace) -> str:
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
    """The five images, built and pushed, in a values file that names them by digest."""
    return built_images(tmp_path_factory.mktemp("images") / "images.yaml")


@pytest.fixture(scope="session")
def next_images(tmp_path_factory, images) -> Path:
    """The images of another revision: the same code with other digests."""
    folder = tmp_path_factory.mktemp("next")
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nLABEL revision=next\n")
    values = yaml.safe_load(images.read_text())
    for name, part in parts_of(values).items():
        part["image"] = built_on(images, name, f"{name}-next", folder)
    file = folder / "images.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def holds_other_images(images: Path) -> bool:
    """Whether the node already has one of the images' tags with different content."""
    values = yaml.safe_load(images.read_text())
    wanted = [part["image"] for part in parts_of(values).values()]
    nodes = json.loads(output_of("kubectl", "get", "nodes", "-o", "json"))["items"]
    for image in [image for node in nodes for image in node["status"].get("images", [])]:
        for ours in wanted:
            tagged = any(n.endswith(f"{ours['repository']}:{ours['tag']}") for n in image["names"])
            if tagged and not any(n.endswith(ours["digest"]) for n in image["names"]):
                return True
    return False


@contextmanager
def for_the_session(release: Release) -> Iterator[None]:
    """Describe the cluster if the install fails; delete the namespace at the end."""
    try:
        yield
    except ClusterError as error:
        raise ClusterError(f"{error}\n{state_of(release.namespace)}") from None
    finally:
        release.way.close()
        if not os.environ.get("KEEP_RELEASE"):
            output_of("kubectl", "delete", "namespace", release.namespace.name, "--wait=false")


@contextmanager
def installed(
    name: str, images: Path, values: Mapping[str, Any], folder: Path
) -> Iterator[Release]:
    """A release with these values, in a namespace of its name."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    release = Release(name, make_namespace(name), folder)
    release.values += ["--values", str(images), "--values", str(file)]
    with for_the_session(release):
        release.install()
        yield release


@pytest.fixture(scope="session")
def release(images, tmp_path_factory) -> Iterator[Release]:
    """The stack in namespace `data`, installed as in the README, without any values.

    The namespace accepts only restricted pods, and denies all connections by default. If the node
    has an older image under the same tag, the images are named by digest.
    """
    release = Release("stack", make_namespace("data"), tmp_path_factory.mktemp("data"))
    release.namespace.kubectl("apply", "-f", "-", text=json.dumps(DEFAULT_DENY))
    with for_the_session(release):
        if holds_other_images(images):
            release.values += ["--values", str(images)]
        elif not release.is_installed():
            [command] = re.findall(r"^helm install .+$", (ROOT / "README.md").read_text(), re.M)
            helm(*shlex.split(command)[1:])
        release.install()
        yield release


@pytest.fixture
def lake(release, tmp_path) -> Iterator[dict[str, str]]:
    """The stack's variables for using the release's lake and store from here.

    For one test only, because a forwarded port ends with its pod.
    """
    with lake_of(release, tmp_path) as variables:
        yield variables


@contextmanager
def lake_of(release: Release, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The same for another release."""
    forwarded, name = release.namespace.forwarded, f"service/{release.fullname}"
    secret = release.secret("transformation")
    with (
        forwarded(f"{name}-postgresql", 5432, tmp_path / "postgresql.log") as pg_port,
        forwarded(f"{name}-s3", 8333, tmp_path / "s3.log") as s3_port,
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
    stack.write_sample_data(DEFAULT_SIZE)
    done = stack.run_pipeline()
    assert done.returncode == 0, done.stdout + done.stderr
    return stack


PROBED = {
    "instance": {"startTimeoutSeconds": 60, "monitorIntervalSeconds": 5, "maxRetries": 1},
    "webserver": {"resources": {"requests": {"cpu": "50m"}}},
    "daemon": {"resources": {"requests": {"cpu": "50m"}}},
    "codeLocationDefaults": {
        "resources": {"requests": {"cpu": "20m"}},
        "run": {
            "resources": {
                "requests": {"cpu": "50m", "memory": "128Mi"},
                "limits": {"memory": "512Mi"},
            },
            "highMemoryResources": {
                "requests": {"cpu": "50m", "memory": "128Mi"},
                "limits": {"memory": "1Gi"},
            },
        },
    },
    "codeLocations": {
        "ingestion": {"executor": "k8s-job"},
        "transformation": {"executor": "k8s-job"},
        "quality": {"enabled": False},
        "catalog": {"enabled": False},
        "steps": {"executor": "k8s-job", "module": "probe.definitions"},
        "single": {"module": "probe.definitions"},
    },
}


@pytest.fixture(scope="session")
def probed(images, tmp_path_factory) -> Iterator[Release]:
    """A release in namespace `probed`: executor k8s-job, a patience of one minute, failing code.

    The locations `steps` (each asset in its own pod) and `single` have the jobs of `probe/`.
    """
    image = built_on(images, "catalog", "probe", PROBE)
    values = json.loads(json.dumps(PROBED))
    for name in ("steps", "single"):
        values["codeLocations"][name] |= {"image": image, "env": {"PROBE": name}}
    with installed("probed", images, values, tmp_path_factory.mktemp("probed")) as release:
        yield release
