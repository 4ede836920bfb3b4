"""How long pipelines take, for the plots of `health/run_queue`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from stack.continuation import skipped_stages
from stack.pipelines import PIPELINES, Pipeline, Stage
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG

if TYPE_CHECKING:
    from dagster._core.storage.dagster_run import RunRecord

_SUCCEEDED = [dg.DagsterRunStatus.SUCCESS]


def last_durations(instance: dg.DagsterInstance) -> dict[str, float]:
    """Seconds of work in the last round of each scheduled pipeline, by its name.

    A round spans all locations and has succeeded; time spent waiting in between doesn't count.
    """
    found = {}
    for pipeline in PIPELINES:
        if pipeline.schedule is None or pipeline.monitors:
            continue
        succeeded = instance.get_run_records(
            dg.RunsFilter(job_name=pipeline.name, statuses=_SUCCEEDED), limit=2 * len(Stage)
        )
        last = next((r for r in succeeded if _ends(pipeline, r.dagster_run)), None)
        if last is not None:
            found[pipeline.name] = round(_worked(_round(instance, last)), 1)
    return found


def _ends(pipeline: Pipeline, run: dg.DagsterRun) -> bool:
    """Whether no other location continues it."""
    stage = run.tags.get(STAGE_TAG)
    if stage is None:
        return True
    return pipeline.stage_after(Stage(stage), skip=skipped_stages(run)) is None


def _round(instance: dg.DagsterInstance, last: RunRecord) -> Sequence[RunRecord]:
    id_ = last.dagster_run.tags.get(PIPELINE_ID_TAG)
    if id_ is None:
        return [last]
    tagged = dg.RunsFilter(tags={PIPELINE_ID_TAG: id_}, statuses=_SUCCEEDED)
    return instance.get_run_records(tagged)


def _worked(records: Sequence[RunRecord]) -> float:
    return sum(r.end_time - r.start_time for r in records if r.end_time and r.start_time)
