"""The measured release: first with the chart's settings, then with stock settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from cluster.images import built_images, built_on
from cluster.kube import make_namespace, output_of
from cluster.release import Release
from scripts.chart_values_page import CHART
from stack.pipelines import Stage

HERE = Path(__file__).parent
SETTINGS = HERE / "settings"
LOCATION = "bench"
# From Dagster's own chart: it starts an interpreter in the code server's container.
STOCK_PROBE = {
    "exec": {"command": ["dagster", "api", "grpc-health-check", "-p", "4000"]},
    "periodSeconds": 20,
    "timeoutSeconds": 10,
    "failureThreshold": 3,
}
SCHEDULES = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
  schedules { name scheduleState { id status } } } } } }"""
STOP_SCHEDULE = """mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename
  ... on PythonError { message } } }"""


@contextmanager
def measured_release(folder: Path) -> Iterator[Release]:
    """A release in its own namespace, BENCH_NAMESPACE; deleted unless KEEP_RELEASE is set."""
    values = folder / "images.yaml"
    name_images(values)
    namespace = make_namespace(os.environ.get("BENCH_NAMESPACE", "bench"))
    try:
        files = [values, SETTINGS / "ours.yaml"]
        flags = [flag for file in files for flag in ("--values", str(file))]
        release = Release("bench", namespace, folder, flags)
        yield release
        release.way.close()
    finally:
        if not os.environ.get("KEEP_RELEASE"):
            output_of("kubectl", "delete", "namespace", namespace.name, "--wait=true")


def name_images(file: Path) -> None:
    """Write a values file that names all images, including the measured location's."""
    images = built_images(file)
    values = yaml.safe_load(images.read_text())
    image = built_on(images, "catalog", "bench", HERE / "image")
    values["codeLocations"][LOCATION] = {"image": image}
    file.write_text(yaml.safe_dump(values))


def install_ours(release: Release) -> None:
    """Install the chart with its own values."""
    release.install()
    stop_schedules(release)


def install_stock(release: Release) -> None:
    """Give the release stock settings, and its code servers stock health probes."""
    release.install("--values", str(SETTINGS / "stock.yaml"))
    container = "/spec/template/spec/containers/0"
    patch = [
        {"op": "replace", "path": f"{container}/readinessProbe", "value": STOCK_PROBE},
        {"op": "remove", "path": f"{container}/livenessProbe"},
        {"op": "remove", "path": f"{container}/startupProbe"},
    ]
    servers = [f"deployment/{release.fullname}-{name}" for name in (*Stage, LOCATION)]
    kubectl = release.namespace.kubectl
    for server in servers:
        kubectl("patch", server, "--type=json", "--patch", json.dumps(patch))
    for server in servers:
        kubectl("rollout", "status", server, "--timeout=10m")
    release.wait_until_loaded()
    stop_schedules(release)


def stop_schedules(release: Release) -> None:
    """Stop schedules that would start runs during a measurement."""
    repositories = release.ui.query(SCHEDULES)["repositoriesOrError"]["nodes"]
    for schedule in (s for repository in repositories for s in repository["schedules"]):
        if schedule["scheduleState"]["status"] == "RUNNING":
            release.ui.query(STOP_SCHEDULE, id=schedule["scheduleState"]["id"])


def chart_version() -> str:
    """The version of the measured chart."""
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text())["version"])
