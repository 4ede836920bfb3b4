"""A pod that is unrelated to the release, and tries its ports."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cluster.kube import Namespace, small_pod

NAME = "stranger"
TRY = """
import concurrent.futures, json, socket, sys
def opens(door):
    try:
        socket.create_connection(door, timeout=3).close()
    except OSError:
        return False
    return True
doors = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps([door for door, open_ in zip(doors, pool.map(opens, doors)) if open_]))
"""
Door = tuple[str, int]


def allowed(name: str, labels: dict[str, str], *ways: str) -> dict[str, Any]:
    """A NetworkPolicy that allows everything, in both directions, for pods with these labels."""
    rules: dict[str, Any] = {way: [{}] for way in ways}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": labels},
            "policyTypes": [way.capitalize() for way in ways],
            **rules,
        },
    }


DEFAULT_DENY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "default-deny"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}


def start_stranger(namespace: Namespace, image: str) -> None:
    """Start it from an image with Python, and wait for it. It may connect to anything."""
    labels = {"app": NAME}
    command = ["python", "-c", "import signal; signal.pause()"]
    container = {"name": NAME, "image": image, "command": command}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": labels},
        "spec": small_pod(container, terminationGracePeriodSeconds=0),
    }
    objects = [allowed(NAME, labels, "egress"), pod]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    namespace.kubectl("apply", "-f", "-", text=text)
    namespace.pod(f"app={NAME}")


def doors_open_to(namespace: Namespace, doors: Iterable[Door]) -> set[Door]:
    """The doors that accept a connection from it."""
    said = namespace.execute(f"pod/{NAME}", "python", "-c", TRY, json.dumps(list(doors)))
    return {(host, port) for host, port in json.loads(said)}
