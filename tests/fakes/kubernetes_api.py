"""A Kubernetes API for tests: a real HTTP server on loopback with the Jobs of one namespace.

It answers the real client's requests for Jobs, pods, events and logs as an API server does: 404
for what isn't there, 409 for a name that is taken, 422 for a Job that Kubernetes would refuse,
403 for a namespace other than its own. There is no controller: `on_job`, or the test, makes pods.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from support.http_server import JsonHandler, listening

Object = dict[str, Any]
Answer = tuple[int, Any]

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
BINARY = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
LONG_AGO = timedelta(hours=1)


@dataclass
class KubernetesApi:
    """What the server has. `silent`: it closes each connection, as one that is gone."""

    namespace: str = "data"
    on_job: Callable[[Object], None] = lambda _job: None
    silent: bool = False
    jobs: dict[str, Object] = field(default_factory=dict)
    made: list[Object] = field(default_factory=list)
    pods: dict[str, Object] = field(default_factory=dict)
    events: list[Object] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def add_job(self, name: str, run_id: str, *, age: timedelta = LONG_AGO, **status: Any) -> None:
        """A Job that was made before the test."""
        self.jobs[name] = {
            "metadata": _metadata(name, self.namespace, age, {"dagster/run-id": run_id}),
            "spec": {"template": {"spec": {"containers": [{"name": "dagster", "image": "x:1"}]}}},
            "status": {"startTime": _time(age), **status},
        }

    def add_pod(self, job: str, *, age: timedelta = LONG_AGO, **status: Any) -> str:
        """A pod of a Job; its name. `memory` is the container's limit."""
        name = f"{job}-abcde"
        memory = status.pop("memory", "2Gi")
        container = {"name": "dagster", "image": "x:1", "resources": {"limits": {"memory": memory}}}
        self.pods[name] = {
            "metadata": _metadata(name, self.namespace, age, {"job-name": job}),
            "spec": {"nodeName": "node-1", "containers": [container]},
            "status": status,
        }
        return name

    def add_event(self, name: str, reason: str, message: str, kind: str = "Pod") -> None:
        """An event about an object."""
        self.events.append(
            {
                "metadata": _metadata(
                    f"{name}.{len(self.events)}", self.namespace, timedelta(0), {}
                ),
                "involvedObject": {"kind": kind, "name": name, "namespace": self.namespace},
                "type": "Warning",
                "reason": reason,
                "message": message,
                "lastTimestamp": _time(timedelta(0)),
            }
        )

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        """The answer to a request."""
        match = re.fullmatch(r"/(?:api|apis/batch)/v1/namespaces/([^/]+)/(.+)", path)
        if not match:
            return _status(404, f"the server could not find {path}")
        if match[1] != self.namespace:
            return _status(403, f"forbidden in the namespace {match[1]}")
        kind, *rest = match[2].split("/")
        if method == "GET" and not rest:
            return self._list(kind, query)
        if method == "POST" and kind == "jobs":
            return self._create(body)
        return self._one(method, kind, *rest)

    def _one(self, method: str, kind: str, name: str = "", part: str = "") -> Answer:
        held = {"jobs": self.jobs, "pods": self.pods}.get(kind, {})
        if name not in held:
            return _status(404, f'{kind} "{name}" not found')
        if method == "DELETE":
            return 200, {"kind": "Status", "status": "Success", "details": held.pop(name)}
        return 200, self.logs.get(name, "") if part == "log" else held[name]

    def _list(self, kind: str, query: dict[str, str]) -> Answer:
        stored = {"jobs": self.jobs, "pods": self.pods}.get(kind)
        found = list(stored.values()) if stored is not None else self.events
        for requirement in filter(None, query.get("labelSelector", "").split(",")):
            key, _, value = requirement.partition("=")
            found = [o for o in found if key in o["metadata"]["labels"]]
            found = [o for o in found if value in ("", o["metadata"]["labels"][key])]
        for requirement in filter(None, query.get("fieldSelector", "").split(",")):
            key, _, value = requirement.partition("=")
            if key != "metadata.name" and not (kind == "events" and key.startswith("involved")):
                return _status(400, f'field label not supported: "{key}"')
            found = [o for o in found if _at(o, key) == value]
        return 200, {"items": found, "metadata": {"resourceVersion": "1"}}

    def _create(self, job: Object) -> Answer:
        name = job["metadata"]["name"]
        if name in self.jobs:
            return _status(409, f'jobs.batch "{name}" already exists')
        problem = _problem(job)
        if problem:
            return _status(422, f'Job.batch "{name}" is invalid: {problem}')
        job["metadata"] |= _metadata(name, self.namespace, timedelta(0), job["metadata"]["labels"])
        job["status"] = {"startTime": _time(timedelta(0)), "active": 1}
        self.jobs[name] = job
        self.made.append(job)
        self.on_job(job)
        return 201, job


@contextmanager
def kubernetes_api() -> Iterator[KubernetesApi]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    api = KubernetesApi()

    class Handler(JsonHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if api.silent:
                self.close_connection = True
                return
            api.requests.append(f"{self.command} {parts.path}")
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            body = json.loads(content) if content else None
            status, answer = api.answer(self.command, parts.path, query, body)
            is_text = isinstance(answer, str)
            data = answer.encode() if is_text else answer
            kind = "text/plain" if is_text else "application/json"
            self.answer(status, data, {"Content-Type": kind})

    with listening(Handler) as port:
        api.url = f"http://127.0.0.1:{port}"
        yield api


def kubeconfig(api: KubernetesApi, file: Path) -> Path:
    """A kubeconfig file that leads to the server."""
    context = {"cluster": "test", "user": "test", "namespace": api.namespace}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": api.url}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": context}],
    }
    file.write_text(yaml.safe_dump(content))
    return file


def _problem(job: Object) -> str | None:
    metadata, pod = job["metadata"], job["spec"]["template"]["spec"]
    if not NAME.fullmatch(metadata["name"]) or len(metadata["name"]) > 63:
        return "metadata.name: must be a lowercase RFC 1123 name"
    for key, value in metadata["labels"].items():
        if not LABEL.fullmatch(value) or len(value) > 63:
            return f"metadata.labels: {key}: {value}: must be at most 63 valid characters"
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        return "spec.template.spec.restartPolicy: Required value"
    for container in pod["containers"]:
        if not container.get("image"):
            return "spec.template.spec.containers[0].image: Required value"
        resources = container.get("resources") or {}
        limits = resources.get("limits") or {}
        for name, wanted in (resources.get("requests") or {}).items():
            if name in limits and _quantity(wanted) > _quantity(limits[name]):
                return f"resources.requests: must be less than or equal to {name} limit"
    return None


def _quantity(text: Any) -> float:
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    assert match, text
    return float(match[1]) * BINARY[match[2]]


def _metadata(name: str, namespace: str, age: timedelta, labels: dict[str, str]) -> Object:
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-of-{name}",
        "labels": labels,
        "creationTimestamp": _time(age),
    }


def _time(age: timedelta) -> str:
    return (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ")


def _at(found: Object, path: str) -> Any:
    for part in path.split("."):
        found = found.get(part, {})
    return found


def _status(code: int, message: str) -> Answer:
    return code, {"kind": "Status", "status": "Failure", "code": code, "message": message}
