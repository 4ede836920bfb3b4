"""Renders the chart with helm, and finds things in the result."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from typing import Any

import yaml

from scripts.chart_values_page import CHART

VERSIONS = tuple(f"1.{minor}.0" for minor in range(29, 38))
OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]
SCENARIOS = sorted(path.name.removesuffix("-values.yaml") for path in CHART.glob("ci/*.yaml"))
NAME = "prod-freelancer-data-stack"
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

Object = dict[str, Any]


class RenderError(Exception):
    """Helm refused the values; its message says why."""


def helm(*arguments: str) -> str:
    """What helm prints. Raises RenderError with its complaint."""
    program = os.environ.get("HELM_BIN") or shutil.which("helm")
    if not program:
        raise FileNotFoundError(
            "no helm: the chart's tests need helm 3 on PATH, or its path in HELM_BIN"
        )
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(done.stderr + done.stdout)
    return done.stdout


@functools.cache
def manifests(
    scenario: str = "default",
    *settings: str,
    kube: str = NEWEST,
    release: str = "prod",
    namespace: str = "data",
) -> str:
    """The YAML of a scenario with `--set-json` settings on top."""
    sets = [part for setting in settings for part in ("--set-json", setting)]
    return helm(
        "template", release, str(CHART), "--namespace", namespace, "--kube-version", kube,
        "--values", str(CHART / "ci" / f"{scenario}-values.yaml"), *sets,
    )  # fmt: skip


def objects(scenario: str = "default", *settings: str, **options: str) -> list[Object]:
    """The objects of a scenario."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = manifests(scenario, *settings, **options)
    return [found for found in yaml.load_all(text, Loader=loader) if found]


def one(found: list[Object], kind: str, name: str) -> Object:
    """The object of this kind whose name is the release's followed by `name`."""
    match = [o for o in found if o["kind"] == kind and o["metadata"]["name"] == f"{NAME}-{name}"]
    assert len(match) == 1, (kind, name, [o["metadata"]["name"] for o in found])
    return match[0]


def pods(found: list[Object]) -> dict[str, Object]:
    """Pod specs of all workloads by kind/name, and those of runs by run/location."""
    specs = {name: template["spec"] for name, template in templates(found).items()}
    return specs | {f"run/{name}": pod for name, pod in run_pods(found).items()}


def templates(found: list[Object]) -> dict[str, Object]:
    """Pod templates of all workloads, and pods of hooks, by kind/name."""
    specs = {f"{o['kind']}/{o['metadata']['name']}": o.get("spec", {}) for o in found}
    made = {
        name: spec["jobTemplate"]["spec"] if name.startswith("CronJob/") else spec
        for name, spec in specs.items()
        if name.partition("/")[0] in {"Deployment", "StatefulSet", "Job", "CronJob"}
    }
    alone = {f"Pod/{o['metadata']['name']}": o for o in found if o["kind"] == "Pod"}
    return {name: spec["template"] for name, spec in made.items()} | alone


def run_pods(found: list[Object]) -> dict[str, Object]:
    """The pod spec of a run in each location, assembled from its container context."""
    return {name: _run_pod(context) for name, context in contexts(found).items()}


def contexts(found: list[Object]) -> dict[str, Object]:
    """What each code server tells the run launcher, by location."""
    servers = [
        (o["metadata"]["labels"]["freelancer-data-stack/location"], container)
        for o in found
        if o["kind"] == "Deployment"
        for container in o["spec"]["template"]["spec"]["containers"]
        if container["name"] == "code-server"
    ]
    return {
        name: json.loads(environment(container)["DAGSTER_CONTAINER_CONTEXT"])["k8s"]
        for name, container in servers
    }


def environment(container: Object) -> dict[str, Any]:
    """A container's variables: their literal value, or else the reference to it."""
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in container.get("env", [])}


def secrets_of(pod: Object) -> set[str]:
    """The names of all Secrets that a pod reads, as variables or mounted."""
    names = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        names |= {
            source["secretRef"]["name"]
            for source in container.get("envFrom", [])
            if "secretRef" in source
        }
        names |= {
            entry["valueFrom"]["secretKeyRef"]["name"]
            for entry in container.get("env", [])
            if "secretKeyRef" in entry.get("valueFrom", {})
        }
    return names


def _run_pod(context: Object) -> Object:
    config = context["run_k8s_config"]
    container = config["container_config"] | {"name": "run", "resources": context["resources"]}
    return config["pod_spec_config"] | {
        "serviceAccountName": context["service_account_name"],
        "containers": [container],
    }
