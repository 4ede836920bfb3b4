"""Which runs are in progress, and which tables they load."""

from __future__ import annotations

from typing import Any

import dagster as dg

from ingestion.incoming.inbox import table_of
from stack.one_machine.stale import IN_PROGRESS, is_dead, never_began
from stack.pipelines import FILES, Stage
from stack.tags import STAGE_TAG


def held_tables(instance: dg.DagsterInstance, *, but: str | None = None) -> set[str] | None:
    """Tables that unfinished runs load, except the run `but`; None if one may load any table.

    Files that belong to no table count as the table "".
    """
    held: set[str] = set()
    for record in instance.get_run_records(
        dg.RunsFilter(job_name=FILES.name, statuses=[dg.DagsterRunStatus.QUEUED, *IN_PROGRESS])
    ):
        run = record.dagster_run
        if run.run_id == but or run.tags.get(STAGE_TAG, Stage.INGESTION) != Stage.INGESTION:
            continue
        if never_began(record) or is_dead(run):
            continue
        paths = _paths(run.run_config)
        if not paths:  # started by hand: it takes whatever is there
            return None
        held |= {table_of(path) for path in paths}
    return held


def _paths(run_config: Any) -> list[str]:
    try:
        return [str(f["path"]) for f in run_config["ops"]["file_processing"]["config"]["files"]]
    except (LookupError, TypeError):
        return []
