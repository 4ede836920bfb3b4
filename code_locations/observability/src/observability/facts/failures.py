"""Why a run failed, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from observability.facts.model import Failure
from stack.errors import one_line
from stack.raised import raised, said_by

if TYPE_CHECKING:
    from dagster._core.events import DagsterEvent

_TOLD_BY = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
LONGEST = 500


def failure_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Failure:
    """The first failed step and what it raised; without one, what ended the run."""
    records = instance.get_records_for_run(run.run_id, of_type=_TOLD_BY, limit=20).records
    events = [record.event_log_entry.dagster_event for record in records]
    steps = [event for event in events if event and event.is_step_failure]
    if steps:
        return Failure(_reason(steps[0]), steps[0].step_key or "")
    ends = [event for event in events if event and event.is_job_failure]
    return Failure(_reason(ends[-1]) if ends else "it has left no reason")


def _reason(event: DagsterEvent) -> str:
    if event.is_step_failure:
        failure = event.step_failure_data
        told = failure.user_failure_data
        if told is not None and told.description:
            return one_line(told.description, LONGEST)
        error = failure.error
    else:
        error = getattr(event.event_specific_data, "error", None)  # a lost run has none
    found = raised(error)  # its causes mean less to people
    cause = said_by(found[0]) if found else event.message
    return one_line(cause or "it has left no reason", LONGEST)
