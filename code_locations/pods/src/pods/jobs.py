"""Looks at the Jobs of runs and steps, and deletes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dagster_k8s.client import DagsterKubernetesClient
from kubernetes.client import ApiException

from pods.trouble import Trouble, interruption_of, trouble_of

RUN_LABEL = "dagster/run-id"
LOG_LINES = 10
_SPEAKING = ("Pod", "Job")


@dataclass(frozen=True)
class Look:
    """A Job's state: whether it was `found`, whether it `succeeded`, and its trouble, if any."""

    found: bool
    succeeded: bool
    trouble: Trouble | None


@dataclass(frozen=True)
class Job:
    """An unfinished Job: `running` if its container is."""

    name: str
    run_id: str
    running: bool


class Jobs:
    """The Jobs of a namespace."""

    def __init__(self, client: DagsterKubernetesClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def look(self, name: str, patience_s: float | None = None) -> Look:
        """The Job's state; whatever keeps it from starting for longer than `patience_s` is final.

        Raises what the API's client raises.
        """
        status = self._client.get_job_status(job_name=name, namespace=self._namespace)
        if status is None or status.succeeded:
            return Look(status is not None, status is not None, trouble_of(status, [], []))
        pods = self._client.get_pods_in_job(name, self._namespace)
        begun = any(pod.status.phase == "Running" for pod in pods)
        events = [] if begun and not status.failed else self._events(name)
        trouble = trouble_of(status, pods, events)
        if trouble and not trouble.final and not begun and patience_s and status.start_time:
            waited = (datetime.now(UTC) - status.start_time).total_seconds()
            if waited > patience_s:
                late = f"it did not begin within {patience_s:,.0f} s: {trouble.reason}"
                trouble = replace(trouble, reason=late, final=True)
        return Look(found=True, succeeded=False, trouble=trouble)

    def exists(self, name: str) -> bool:
        """Whether there is such a Job. Raises what the API's client raises."""
        return self._client.get_job_status(job_name=name, namespace=self._namespace) is not None

    def interruption(self, name: str) -> str | None:
        """What told the Job's process to end; None if unknown."""
        status = self._client.get_job_status(job_name=name, namespace=self._namespace)
        if status is None:
            return None
        pods = self._client.get_pods_in_job(name, self._namespace)
        return interruption_of(status, pods, self._events(name))

    def explain(self, name: str, trouble: Trouble) -> str:
        """The reason, plus the end of the process's output where that may help."""
        return trouble.reason + (self._last_lines(name) if trouble.logs else "")

    def unfinished(self) -> Iterator[Job]:
        """Jobs of runs and steps, of any release in the namespace, that are waiting or running."""
        found = self._client.batch_api.list_namespaced_job(
            self._namespace, label_selector=RUN_LABEL
        )
        for job in found.items:
            ended = {c.type for c in job.status.conditions or () if c.status == "True"}
            if not ended & {"Complete", "Failed"} and not job.metadata.deletion_timestamp:
                yield Job(
                    job.metadata.name,
                    job.metadata.labels[RUN_LABEL],
                    running=bool(job.status.ready),
                )

    def delete(self, name: str) -> bool:
        """Delete a Job and its pods; False if it isn't there."""
        return bool(self._client.delete_job(job_name=name, namespace=self._namespace))

    def _events(self, name: str) -> list[Any]:
        """Events of the Job and of its pods, including deleted ones."""
        about = re.compile(rf"{re.escape(name)}(-[a-z0-9]{{5}})?")
        found = []
        for kind in _SPEAKING:
            listed = self._client.core_api.list_namespaced_event(
                self._namespace, field_selector=f"involvedObject.kind={kind}"
            )
            found += [e for e in listed.items if about.fullmatch(e.involved_object.name or "")]
        return found

    def _last_lines(self, name: str) -> str:
        try:
            pods = self._client.get_pods_in_job(name, self._namespace)
            pod = max(pods, key=lambda p: p.metadata.creation_timestamp)
            logs = self._client.retrieve_pod_logs(
                pod.metadata.name,
                self._namespace,
                pod.spec.containers[0].name,
                tail_lines=LOG_LINES,
            )
        except (ApiException, ValueError):  # no output, or the pod is gone
            return ""
        return f"; its last lines:\n{logs.rstrip()}" if logs.strip() else ""
