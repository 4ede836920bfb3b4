"""The outcome of an alert, from the records of the runs that it started."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

from stack.artifacts import ArtifactError, ArtifactStore
from stack.pipelines import REMEDIATION
from stack.remediation.handover import VERDICT, Verdict, pipeline_id
from stack.tags import PIPELINE_TAG, STAGE_TAG

ALERT_KEY_TAG = "alert/key"
_RUNS_OF_AN_ALERT = 100


@dataclass(frozen=True)
class Handling:
    """`outcome` is None while the runs go on; then healed, not_healed or failed."""

    outcome: str | None
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What the archive keeps beside the alert."""
        return {"outcome": self.outcome, "at": datetime.now(UTC).isoformat(), **self.facts}


def seen(reason: str) -> Handling:
    """An alert that starts nothing."""
    return Handling("seen", {"reason": reason, "runs": []})


def handling_of(key: str, instance: dg.DagsterInstance, store: ArtifactStore) -> Handling | None:
    """The outcome of the alert with this key; None if no run was started for it.

    A location's run is one stage of it: it goes on until there is a verdict, or until a stage has
    failed and isn't retried.
    """
    records = instance.get_run_records(
        dg.RunsFilter(tags={ALERT_KEY_TAG: key}), limit=_RUNS_OF_AN_ALERT
    )
    runs = [r.dagster_run for r in sorted(records, key=lambda r: r.create_timestamp)]
    if not runs:
        return None
    retried = {run.parent_run_id for run in runs}
    for run in runs:
        waits = run.tags.get(WILL_RETRY_TAG) == "true" and run.run_id not in retried
        if not run.is_finished or waits:
            return Handling(None)
    shown = [
        {"run_id": r.run_id, "stage": r.tags.get(STAGE_TAG, "all"), "status": r.status.value}
        for r in runs
    ]
    for run in reversed(runs):
        try:
            verdict = store.get_model(VERDICT, Verdict, pipeline_id(run))
        except ArtifactError as error:
            return Handling("failed", {"reason": str(error), "runs": shown})
        if verdict is not None:
            facts = verdict.model_dump(mode="json", exclude={"format"})
            return Handling(verdict.outcome, {**facts, "runs": shown})
    if runs[-1].is_success:
        return Handling(None)  # the next location hasn't started its stage yet
    reason = f"run {runs[-1].run_id} ended as {runs[-1].status.value} before a verdict"
    return Handling("failed", {"reason": reason, "runs": shown})


def is_own(run_id: str | None, instance: dg.DagsterInstance) -> bool:
    """Whether a remediation's own run wrote the alert, which must not start another."""
    run = instance.get_run_by_id(run_id) if run_id else None
    return run is not None and run.tags.get(PIPELINE_TAG) == REMEDIATION.name
