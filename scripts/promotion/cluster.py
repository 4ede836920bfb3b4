"""What a cluster says about an environment's Deployments, and about pods that can't run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pods.trouble import GRACE_S, STUCK
from scripts.programs import ProgramError, output_of
from scripts.promotion.images import DAGSTER, RELEASE, PromotionError
from scripts.promotion.proof import Deployed

LOCATION_LABEL = "freelancer-data-stack/location"
COMPONENT_LABEL = "app.kubernetes.io/component"
INSTANCE_LABEL = "app.kubernetes.io/instance"
SCHEMA = "schema"
_PARTS = {"webserver": DAGSTER, "daemon": DAGSTER, SCHEMA: DAGSTER}
# The first crash may be an accident, and kubelet restarts the container.
CRASHES = 2


@dataclass(frozen=True)
class Broken:
    """A pod or Job, with its part and image, that won't work by itself."""

    name: str
    part: str
    image: str
    trouble: str


def deployments(environment: str, context: str, namespace: str = "") -> tuple[Deployed, ...]:
    """The release's Deployments, by kubectl; the context "" is the current one.

    Raises PromotionError.
    """
    return tuple(_deployed(_listed("apps/v1", "deployments", environment, context, namespace)))


def broken(environment: str, context: str, namespace: str = "") -> tuple[Broken, ...]:
    """The release's pods that can't run, and failed migrations; as `deployments`."""
    where = (environment, context, namespace)
    pods = _listed("v1", "pods", *where)
    jobs = _listed("batch/v1", "jobs", *where)
    return (*_broken_pods(pods, datetime.now(UTC)), *_failed_migrations(jobs))


def _listed(
    group: str, kind: str, environment: str, context: str, namespace: str
) -> Mapping[str, Any]:
    release = f"{RELEASE}-{environment}"
    root = "api" if group == "v1" else "apis"
    path = f"/{root}/{group}/namespaces/{namespace or release}/{kind}"
    try:
        said = output_of(
            "kubectl", "get", "--raw", f"{path}?labelSelector={INSTANCE_LABEL}%3D{release}",
            *(["--context", context] if context else []), "--request-timeout=20s",
            told_lines=3,
        )  # fmt: skip
    except ProgramError as error:
        raise PromotionError(str(error)) from None
    listed: Mapping[str, Any] = json.loads(said)
    return listed


def _part_of(one: Mapping[str, Any]) -> str:
    labels = one["metadata"].get("labels", {})
    return labels.get(LOCATION_LABEL) or _PARTS.get(labels.get(COMPONENT_LABEL, "")) or ""


def _broken_pods(listed: Mapping[str, Any], now: datetime) -> Iterator[Broken]:
    for pod in listed["items"]:
        metadata, part = pod["metadata"], _part_of(pod)
        age = now - datetime.fromisoformat(metadata["creationTimestamp"])
        if not part or "deletionTimestamp" in metadata or age.total_seconds() < GRACE_S:
            continue
        status = pod.get("status", {})
        for name in ("initContainerStatuses", "containerStatuses"):
            for container in status.get(name, ()):
                if trouble := _stuck(container):
                    image = pod["spec"]["containers"][0]["image"]
                    yield Broken(metadata["name"], part, image, trouble)


def _stuck(container: Mapping[str, Any]) -> str:
    waiting = container.get("state", {}).get("waiting") or {}
    if waiting.get("reason") in STUCK:
        return f"{waiting['reason']}: {waiting.get('message', 'no word why')}"
    ended = container.get("lastState", {}).get("terminated")
    times = container.get("restartCount", 0)
    if container.get("ready") or not ended or times < CRASHES:
        return ""
    why = ended.get("reason", "Error")
    how = f"exit code {ended['exitCode']}" if why == "Error" else why
    return f"ended {times} times, the last time with {how}"


def _failed_migrations(listed: Mapping[str, Any]) -> Iterator[Broken]:
    for job in listed["items"]:
        if job["metadata"].get("labels", {}).get(COMPONENT_LABEL) != SCHEMA:
            continue
        for condition in job.get("status", {}).get("conditions", ()):
            if condition["type"] == "Failed" and condition["status"] == "True":
                image = job["spec"]["template"]["spec"]["containers"][0]["image"]
                why = condition.get("message") or condition.get("reason")
                yield Broken(job["metadata"]["name"], DAGSTER, image, f"it failed: {why}")


def _deployed(listed: Mapping[str, Any]) -> Iterator[Deployed]:
    for one in listed["items"]:
        if part := _part_of(one):
            yield Deployed(
                name=one["metadata"]["name"],
                part=part,
                image=one["spec"]["template"]["spec"]["containers"][0]["image"],
                trouble=_trouble(one),
            )


def _trouble(one: Mapping[str, Any]) -> str:
    """Why it isn't ready, by the rules of `kubectl rollout status`; "" if it is."""
    status, wanted = one.get("status", {}), one["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < one["metadata"].get("generation", 0):
        return "its last change is not taken up yet"
    for condition in status.get("conditions", ()):
        if condition["type"] == "Progressing" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason"))
    if not wanted:
        return "no replica is wanted"
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    if updated < wanted or status.get("replicas", 0) > updated:
        return f"{updated} of {wanted} replicas are rolled out"
    return "" if ready >= wanted else f"{ready} of {wanted} replicas are ready"
