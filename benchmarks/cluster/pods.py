"""What Kubernetes reports: the stages of a run's pod, and what the containers use."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

from cluster.kube import api_proxy, output_of
from cluster.release import Release

RUN_LABEL = "dagster/run-id"


class PodWatch:
    """Notes when runs' pods were made, scheduled, running and ended, by this machine's clock.

    The objects' own timestamps are in whole seconds.
    """

    def __init__(self, release: Release) -> None:
        self.seen: dict[str, dict[str, float]] = defaultdict(dict)
        self._path = (
            f"api/v1/namespaces/{release.namespace.name}/pods?watch=1&labelSelector={RUN_LABEL}"
        )
        self._proxy = api_proxy(release.folder / "proxy.log")
        self._url = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PodWatch:
        self._url = f"{self._proxy.__enter__()}/{self._path}"
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._proxy.__exit__(kind, error, trace)

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                with urllib.request.urlopen(self._url, timeout=3600) as lines:
                    for line in lines:
                        self._note(json.loads(line), time.time())
            except OSError:
                self._ended.wait(1)

    def _note(self, event: Mapping[str, Any], at: float) -> None:
        pod = event["object"]
        run_id = pod.get("metadata", {}).get("labels", {}).get(RUN_LABEL)
        if run_id is None:
            return
        status = pod["status"]
        conditions = {c["type"] for c in status.get("conditions", []) if c["status"] == "True"}
        reached = {
            "pod": True,
            "scheduled": "PodScheduled" in conditions,
            "running": status.get("phase") == "Running",
            "ended": status.get("phase") in {"Succeeded", "Failed"},
        }
        for name, is_reached in reached.items():
            if is_reached:
                self.seen[run_id].setdefault(name, at)


@dataclass(frozen=True)
class Usage:
    """What one component's container uses."""

    cpu_mcore: float
    memory_mib: float


def usage_over(release: Release, seconds: float) -> dict[str, Usage]:
    """By component: mean CPU over that time, working set at its end. Needs the kubelet's API."""
    before = _stats(release)
    time.sleep(seconds)
    after = _stats(release)
    found = {}
    for component in sorted(before.keys() & after.keys()):
        (cpu_0, at_0, _), (cpu_1, at_1, memory) = before[component], after[component]
        found[component] = Usage((cpu_1 - cpu_0) / (at_1 - at_0) / 1e6, memory / 2**20)
    return found


def _stats(release: Release) -> dict[str, tuple[float, float, float]]:
    """By component: CPU nanoseconds up to a time, that time, working set in bytes."""
    components = {
        pod["metadata"]["name"]: pod["metadata"]["labels"]
        for pod in release.namespace.get("pods", "app.kubernetes.io/component")
        if "deletionTimestamp" not in pod["metadata"]
    }
    nodes = json.loads(output_of("kubectl", "get", "nodes", "-o", "json"))["items"]
    found = {}
    for node in nodes:
        path = f"/api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary"
        for pod in json.loads(output_of("kubectl", "get", "--raw", path))["pods"]:
            labels = components.get(pod["podRef"]["name"])
            if labels is None or pod["podRef"]["namespace"] != release.namespace.name:
                continue
            name = labels.get("freelancer-data-stack/location")
            name = name or labels["app.kubernetes.io/component"]
            for container in pod.get("containers", []):
                cpu, memory = container.get("cpu", {}), container.get("memory", {})
                if "usageCoreNanoSeconds" in cpu and "workingSetBytes" in memory:
                    at = _seconds(cpu["time"])
                    found[name] = (cpu["usageCoreNanoSeconds"], at, memory["workingSetBytes"])
    return found


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
