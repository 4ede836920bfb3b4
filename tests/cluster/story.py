"""What is logged about a run, and what it leaves behind."""

from __future__ import annotations

from cluster.kube import Object
from cluster.release import Release

SAID = """query ($id: ID!) { logsForRun(runId: $id, limit: 1000) {
  ... on EventConnection { events {
    ... on MessageEvent { message } ... on ErrorEvent { error { message } } } } } }"""


def said(release: Release, run_id: str) -> str:
    """All messages in a run's log, including its errors."""
    events = release.ui.query(SAID, id=run_id)["logsForRun"]["events"]
    errors = [event["error"]["message"] for event in events if event.get("error")]
    return "\n".join([*(event.get("message") or "" for event in events), *errors])


def left_behind(release: Release, run_id: str) -> list[Object]:
    """Jobs of a run and its steps that still wait or run."""
    jobs = release.namespace.get("jobs", f"dagster/run-id={run_id}")
    return [job for job in jobs if not _is_over(job)]


def step_pods(release: Release, run_id: str) -> dict[str, Object]:
    """The pods of a run's assets, by op name."""
    return {
        pod["metadata"]["labels"]["dagster/op"]: pod
        for pod in release.run_pods(run_id)
        if "dagster/op" in pod["metadata"]["labels"]
    }


def _is_over(job: Object) -> bool:
    conditions = job["status"].get("conditions", [])
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)
