"""Says what is wrong with a Job's pod, from Kubernetes' objects; makes no requests itself.

Reasons and conditions: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

# Kubelet retries by itself; within this time seemingly final trouble may pass, such as a missing
# Secret that is created a moment later.
GRACE_S = 20.0

# Answers of a registry after which asking again is useless …
_REFUSED = (
    "not found", "notfound", "manifest unknown", "name unknown", "denied", "unauthorized",
    "authentication required", "authorization failed", "403 forbidden", "no basic auth credentials",
    "invalid reference", "no match for platform", "couldn't parse image",
)  # fmt: skip
# … except for these, which pass, whatever else the message says.
_PASSING = (
    "timeout", "timed out", "deadline exceeded", "connection refused", "connection reset",
    "no such host", "unreachable", "toomanyrequests", "too many requests", "eof",
    "service unavailable", "internal server error", "bad gateway",
)  # fmt: skip
_PULLING = {"ErrImagePull", "ImagePullBackOff"}
_NEVER_PULLED = {"InvalidImageName", "ErrImageNeverPull"}
_NOT_CONFIGURED = "CreateContainerConfigError"
# Once it is GRACE_S old, a server's pod doesn't get over these by itself. For the last three, a
# run's pod is given longer, unless its registry refused the image.
STUCK = {
    *_NEVER_PULLED, _NOT_CONFIGURED, "ImagePullBackOff", "CreateContainerError", "RunContainerError"
}  # fmt: skip
_LOST = {
    "DeletionByTaintManager": "its node was lost or is no longer to run it",
    "DeletionByPodGC": "its node is gone",
    "EvictionByEvictionAPI": "it was evicted, as when a node is drained",
    "PreemptionByScheduler": "pods of a higher priority took its place",
    "TerminationByKubelet": "its node shut down or was short of resources",
}

# Reasons of events about a pod that was ended from outside the stack.
_ENDED_FROM_OUTSIDE = {"Evicted", "Preempted", "NodeShutdown", "TaintManagerEviction"}


@dataclass(frozen=True)
class Trouble:
    """What keeps a pod from running.

    `final`: waiting doesn't help. `retry`: another pod may work. `logs`: its process ran, and its
    output may explain more.
    """

    reason: str
    final: bool = False
    retry: bool = True
    logs: bool = False


def trouble_of(job_status: Any, pods: Sequence[Any], events: Iterable[Any]) -> Trouble | None:
    """What is wrong with a Job; None if nothing is, or it is done.

    Takes objects of the Kubernetes client: V1JobStatus, or None for a Job that isn't there, its
    V1Pods, and the CoreV1Events of both.
    """
    if job_status is None:
        return Trouble("its Job was deleted", final=True)
    if job_status.succeeded:
        return None
    told = sorted(events, key=lambda event: str(event.last_timestamp or event.event_time))
    newest = max(pods, key=lambda pod: pod.metadata.creation_timestamp, default=None)
    trouble = _too_long(job_status)
    if trouble is None and newest is not None:
        trouble = _of_pod(newest, told)
    if job_status.failed:
        return replace(trouble, final=True) if trouble else _gone(told)
    refused = _last(told, "FailedCreate") if newest is None else ""
    return Trouble(f"no pod can be made for its Job: {refused}") if refused else trouble


def interruption_of(job_status: Any, pods: Sequence[Any], events: Sequence[Any]) -> str | None:
    """What told a Job's process to end, as far as Kubernetes knows.

    A process that obeys leaves a pod that succeeded, so only the events tell.
    """
    trouble = trouble_of(job_status, pods, events)
    if trouble:
        return trouble.reason
    for lost in filter(None, map(_lost, pods)):
        return lost.reason
    for event in events:
        if event.reason in _ENDED_FROM_OUTSIDE:
            return f"the pod was ended from outside: {event.reason}: {_line(event.message)}"
    return None


def _too_long(job_status: Any) -> Trouble | None:
    for condition in job_status.conditions or ():
        if condition.type in ("Failed", "FailureTarget") and condition.reason == "DeadlineExceeded":
            return Trouble(
                "it took longer than the Job's activeDeadlineSeconds allows; raise "
                "codeLocations.<name>.run.activeDeadlineSeconds",
                final=True,
                retry=False,
            )
    return None


def _of_pod(pod: Any, events: Sequence[Any]) -> Trouble | None:
    if pod.status.phase == "Succeeded":
        return None
    if pod.status.phase == "Failed":
        return _failed(pod)
    lost = _lost(pod)
    if lost:
        return lost
    age = datetime.now(UTC) - pod.metadata.creation_timestamp
    settled = age.total_seconds() >= GRACE_S
    for status in _containers(pod):
        if status.state and status.state.waiting and status.state.waiting.reason:
            return _waiting(status, status.state.waiting, events, settled=settled)
    for condition in pod.status.conditions or ():
        if condition.type == "PodScheduled" and condition.reason == "Unschedulable":
            return Trouble(
                f"no node takes the pod: {_line(condition.message)}; add a node, or lower what "
                "codeLocations.<name>.run.resources requests"
            )
    return None


def _failed(pod: Any) -> Trouble:
    for explain in (_out_of_memory, _evicted, _lost, _ended_by_node, _ended_by_itself):
        trouble = explain(pod)
        if trouble:
            return replace(trouble, final=True)
    return Trouble("it failed, and Kubernetes doesn't say why", final=True)


def _out_of_memory(pod: Any) -> Trouble | None:
    for container in _containers(pod):
        ended = container.state.terminated if container.state else None
        if ended and ended.reason == "OOMKilled":
            limit = _memory_limit(pod, container.name)
            return Trouble(
                f"it was killed for using more memory than its limit{limit}; raise "
                "codeLocations.<name>.run.resources.limits.memory"
            )
    return None


def _evicted(pod: Any) -> Trouble | None:
    if pod.status.reason != "Evicted":
        return None
    return Trouble(
        f"its node {pod.spec.node_name} evicted it: {_line(pod.status.message)}; raise what the "
        "pod requests to what it uses, or give the node more"
    )


def _ended_by_node(pod: Any) -> Trouble | None:
    """Such as NodeShutdown, OutOfmemory, UnexpectedAdmissionError."""
    reason = pod.status.reason
    if not reason:
        return None
    where = f"node {pod.spec.node_name}" if pod.spec.node_name else "its node"
    return Trouble(
        f"{where} ended it: {reason}: {_line(pod.status.message)}",
        retry=reason != "DeadlineExceeded",
    )


def _ended_by_itself(pod: Any) -> Trouble | None:
    for container in _containers(pod):
        ended = container.state.terminated if container.state else None
        if ended and ended.exit_code:
            return _ended(ended)
    return None


def _ended(ended: Any) -> Trouble:
    if ended.reason in {"StartError", "ContainerCannotRun"}:
        return Trouble(f"its process can't be started: {_line(ended.message)}", retry=False)
    by_signal = f" (signal {ended.exit_code - 128})" if ended.exit_code > 128 else ""
    said = f": {_line(ended.message)}" if ended.message else ""
    return Trouble(
        f"its process ended with exit code {ended.exit_code}{by_signal}{said}", logs=True
    )


def _waiting(status: Any, waiting: Any, events: Sequence[Any], *, settled: bool) -> Trouble | None:
    said = _line(waiting.message)
    if waiting.reason in _PULLING:
        # Old kubelets report the registry's answer only in an event.
        answer = next(
            (m for m in (said, _last(events, "Failed", "pull image")) if _is_answer(m)), said
        )
        low = answer.lower()
        refused = any(w in low for w in _REFUSED) and not any(w in low for w in _PASSING)
        return Trouble(
            f"image {status.image} can't be pulled: {answer}; check its name, its tag, and the "
            "credentials of the registry (image.pullSecrets)",
            final=refused and settled,
            retry=not refused,
        )
    if waiting.reason in _NEVER_PULLED:
        return Trouble(
            f"image {status.image} can't be used: {waiting.reason}: {said}; correct its name",
            final=settled,
            retry=False,
        )
    if waiting.reason == _NOT_CONFIGURED:
        return Trouble(
            f"its container can't be made: {said}; make what is missing, or correct its name in "
            "codeLocations.<name> (existingSecret)",
            final=settled,
            retry=False,
        )
    if waiting.reason in {"ContainerCreating", "PodInitializing"}:
        held = _last(events, "FailedMount") or _last(events, "FailedCreatePodSandBox")
        return Trouble(f"its container can't be made yet: {held}") if held else None
    return Trouble(f"its container doesn't start: {waiting.reason}: {said}")


def _lost(pod: Any) -> Trouble | None:
    """A pod that was ended from outside the stack."""
    for condition in pod.status.conditions or ():
        if condition.type == "DisruptionTarget" and condition.status == "True":
            why = _LOST.get(condition.reason, condition.reason)
            where = f" (node {pod.spec.node_name})" if pod.spec.node_name else ""
            return Trouble(
                f"the pod was ended from outside: {why}{where}: {_line(condition.message)}"
            )
    return None


def _gone(events: Sequence[Any]) -> Trouble:
    told = [e for e in events if e.type == "Warning" or e.reason == "TaintManagerEviction"]
    told = [e for e in told if e.reason != "BackoffLimitExceeded"]  # only says that it failed
    said = f"; last heard: {told[-1].reason}: {_line(told[-1].message)}" if told else ""
    return Trouble(f"its pod is gone: deleted, or lost with its node{said}", final=True)


def _containers(pod: Any) -> Iterator[Any]:
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def _memory_limit(pod: Any, name: str) -> str:
    for container in (*(pod.spec.init_containers or ()), *pod.spec.containers):
        limits = (container.resources and container.resources.limits) or {}
        if container.name == name and "memory" in limits:
            return f" of {limits['memory']}"
    return ""


def _last(events: Sequence[Any], reason: str, part: str = "") -> str:
    """Message of the latest event with that reason and `part` in it; empty if there is none."""
    found = [e.message or "" for e in events if e.reason == reason and part in (e.message or "")]
    return _line(found[-1]) if found else ""


def _is_answer(message: str) -> bool:
    return any(word in message.lower() for word in (*_REFUSED, *_PASSING))


def _line(message: str | None) -> str:
    return " ".join((message or "no reason given").split())
