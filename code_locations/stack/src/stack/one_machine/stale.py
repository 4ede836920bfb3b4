"""Runs of one machine whose process died before it could say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.storage.dagster_run import RunRecord
from pydantic import ValidationError

from stack.one_machine.process import Process

PROCESS_TAG = "stack/process"
RUN_TAG = "stack/process_of"
# It takes seconds at most from creating a run to queueing or starting it.
LONGEST_CREATION = timedelta(minutes=3)
IN_PROGRESS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def owner_tags(run_id: str) -> dict[str, str]:
    """Tags of a run that this process executes."""
    return {PROCESS_TAG: Process.current().model_dump_json(), RUN_TAG: run_id}


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs in progress whose process is gone as failed; return their ids."""
    failed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS)):
        run = record.dagster_run
        if not (never_began(record) or is_dead(run)):
            continue
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status == run.status:  # it may just have ended by itself
            instance.report_run_failed(run, "The process of this run is gone (killed?).")
            failed.append(run.run_id)
    return failed


def never_began(record: RunRecord) -> bool:
    """Whether a run was created, but its creator ended before starting or queueing it.

    Dagster's monitoring, where it runs, marks such a run as failed as well.
    """
    waiting = record.dagster_run.status == dg.DagsterRunStatus.NOT_STARTED
    return waiting and datetime.now(UTC) - record.create_timestamp > LONGEST_CREATION


def is_dead(run: dg.DagsterRun) -> bool:
    """Whether the process that executes a run, or launched it, is known to be gone."""
    if run.tags.get(RUN_TAG) != run.run_id:  # none yet, or copied from the run that it repeats
        return False
    try:
        return Process.model_validate_json(run.tags[PROCESS_TAG]).is_gone()
    except (KeyError, ValidationError):
        return False
