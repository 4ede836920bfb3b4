"""A namespace of a cluster, by `kubectl`."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from support.servers import free_port, wait_until

DEADLINE_S = 300.0
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
Object = dict[str, Any]
T = TypeVar("T")


class ClusterError(Exception):
    """kubectl or helm refused; the message says what and why."""


def output_of(*command: str | Path, text: str | None = None) -> str:
    """What a command prints. Raises ClusterError with its complaint."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(map(str, command))}: {done.stderr}{done.stdout}")
    return done.stdout


def wait_for(
    condition: Callable[[], T], what: str | Callable[[], object], seconds: float = DEADLINE_S
) -> T:
    """Poll until `condition` returns something true and return that; at the deadline say `what`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s: {what() if callable(what) else what}")
        time.sleep(0.5)
    return found


@dataclass(frozen=True)
class Namespace:
    """The contents of a namespace. Selectors are kubectl's: `a=b,c!=d`."""

    name: str

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """What `kubectl` prints."""
        return output_of("kubectl", "--namespace", self.name, *arguments, text=text)

    def get(self, kind: str, selector: str = "") -> list[Object]:
        """The objects of a kind."""
        return json.loads(self.kubectl("get", kind, "--selector", selector, "-o", "json"))["items"]

    def names(self, kind: str, selector: str = "") -> list[str]:
        """The names of objects of a kind."""
        return [found["metadata"]["name"] for found in self.get(kind, selector)]

    def pod(self, selector: str) -> str:
        """The name of the one running pod that isn't terminating. Waits for it."""

        def ready() -> list[str]:
            return [
                pod["metadata"]["name"]
                for pod in self.get("pods", selector)
                if "deletionTimestamp" not in pod["metadata"]
                and any(c["ready"] for c in pod["status"].get("containerStatuses", []))
            ]

        return wait_for(ready, f"a ready pod of {selector} in {self.name}")[0]

    def kill(self, selector: str) -> None:
        """Kill pods without grace, as when their node is lost."""
        self.kubectl("delete", "pods", "--selector", selector, "--grace-period=0", "--force")

    def execute(self, target: str, *command: str) -> str:
        """What a command prints in a pod, such as `deployment/x`."""
        return self.kubectl("exec", target, "--", *command)

    @contextmanager
    def forwarded(self, target: str, port: int | str, log: Path) -> Iterator[int]:
        """A local port that forwards to a Service's, such as `service/x`."""
        way = Way(self, target, port, log)
        try:
            yield way.port
        finally:
            way.close()


class Way:
    """A local port that forwards to a Service's, whichever pod serves it.

    `kubectl port-forward` chooses a pod once, so `close` it if that pod may be gone: the next use
    starts a new one.
    """

    def __init__(self, namespace: Namespace, target: str, port: int | str, log: Path) -> None:
        self._namespace, self._target, self._to, self._log = namespace, target, port, log
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port. Waits until it is connected."""
        if self._process is None or self._process.poll() is not None:
            wait_for(self._is_open, self._log.read_text)
        return self._port

    def close(self) -> None:
        """Close it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def _is_open(self) -> bool:
        self.close()
        self._port = free_port()
        command = ["kubectl", "--namespace", self._namespace.name, "port-forward", self._target]
        with self._log.open("w") as output:
            process = subprocess.Popen(
                [*command, f"{self._port}:{self._to}"], stdout=output, stderr=output
            )
        self._process = process

        def decided() -> bool:
            return "Forwarding from" in self._log.read_text() or process.poll() is not None

        wait_until(decided, f"the way to {self._target}", self._log)
        return process.poll() is None


def small_pod(container: Object, **spec: Any) -> Object:
    """The spec of a one-container pod for a restricted namespace; `spec` adds to it."""
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}}
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{**container, "resources": resources, "securityContext": closed}],
        **spec,
    }


def make_namespace(name: str) -> Namespace:
    """A namespace that accepts only restricted pods; waits for an earlier one to be gone."""
    phase = ("get", "namespace", name, "--ignore-not-found", "-o", "jsonpath={.status.phase}")
    wait_for(lambda: output_of("kubectl", *phase) != "Terminating", f"namespace {name} to go")
    metadata = {"name": name, "labels": RESTRICTED}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    output_of("kubectl", "apply", "-f", "-", text=json.dumps(manifest))
    return Namespace(name)


@contextmanager
def api_proxy(log: Path) -> Iterator[str]:
    """The URL of the cluster's API on loopback, without credentials; it also reaches Services."""
    port = free_port()
    with log.open("w") as output:
        process = subprocess.Popen(
            ["kubectl", "proxy", f"--port={port}"], stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "Starting to serve" in log.read_text(), "kubectl proxy", log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
