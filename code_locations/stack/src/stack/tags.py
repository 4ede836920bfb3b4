"""Tags that say what a run is part of."""

from __future__ import annotations

import dagster as dg

PIPELINE_TAG = "pipeline"
STAGE_TAG = "stage"
# The first run's id, on every run of a pipeline: the UI groups runs by it.
PIPELINE_ID_TAG = "pipeline/id"
PRIORITY_TAG = "dagster/priority"


def pipeline_id(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """The id of the pipeline that `run` is part of; a first run gets its own id as the tag."""
    known = run.tags.get(PIPELINE_ID_TAG)
    if known is None:
        instance.add_run_tags(run.run_id, {PIPELINE_ID_TAG: run.run_id})
    return known or run.run_id
