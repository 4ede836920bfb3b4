"""The fake Airbyte server, in a pod."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.kube import Namespace, small_pod
from cluster.stranger import allowed
from fakes import airbyte_server
from support import http_server

NAME, PORT = "airbyte", 8000
MODULES: tuple[Any, ...] = (airbyte_server, http_server)  # the fake, and what it uses
# Its syncs continue until they are cancelled. Each log line sums up what has happened so far.
SERVE = f"""
import json, sys
sys.path.insert(0, "/fake")
from fakes.airbyte_server import fake_airbyte
with fake_airbyte("0.0.0.0", {PORT}) as airbyte:
    airbyte.course = ["running"]
    with airbyte.changed:
        while True:
            print(json.dumps([airbyte.started, airbyte.cancelled]), flush=True)
            airbyte.changed.wait()
"""


@dataclass(frozen=True)
class AirbytePod:
    """The numbers of syncs that it started and cancelled."""

    namespace: Namespace

    def syncs(self) -> tuple[list[int], list[int]]:
        """The started and the cancelled ones."""
        last = self.namespace.kubectl("logs", NAME, "--tail=1")
        started, cancelled = json.loads(last)
        return started, cancelled


def start_airbyte(namespace: Namespace, image: str) -> AirbytePod:
    """Start it from an image with Python, behind a Service of its name, and wait for it."""
    files = {module.__name__: Path(module.__file__).read_text() for module in MODULES}
    files["serve.py"] = SERVE
    objects = [
        allowed(NAME, {"app": NAME}, "ingress"),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": files},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME},
            "spec": {"selector": {"app": NAME}, "ports": [{"port": PORT}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": NAME, "labels": {"app": NAME}},
            "spec": _pod(image),
        },
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    namespace.kubectl("apply", "-f", "-", text=text)
    namespace.pod(f"app={NAME}")
    return AirbytePod(namespace)


def _pod(image: str) -> dict[str, Any]:
    paths = {module.__name__: f"{module.__name__.replace('.', '/')}.py" for module in MODULES}
    items = [{"key": key, "path": path} for key, path in {**paths, "serve.py": "serve.py"}.items()]
    container = {
        "name": NAME,
        "image": image,
        "command": ["python", "/fake/serve.py"],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "fake", "mountPath": "/fake", "readOnly": True}],
    }
    volume = {"name": "fake", "configMap": {"name": NAME, "items": items}}
    return small_pod(container, terminationGracePeriodSeconds=1, volumes=[volume])
