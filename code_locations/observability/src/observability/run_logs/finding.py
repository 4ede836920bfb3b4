"""Which runs are meant by the start of an id, by `last`, or by a pipeline's name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import dagster as dg

from stack.errors import StackError
from stack.pipelines import MONITORING, PIPELINES
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG

LAST = "last"
NEAR = 5


class UnknownRunError(StackError):
    """No run, or more than one, is meant."""


def runs_named(instance: dg.DagsterInstance, name: str) -> list[dg.DagsterRun]:
    """The runs, in order of creation. Raises UnknownRunError, suggesting near ones.

    A pipeline's name means its latest round, over all locations; `last` means the pipeline that
    started last, except monitoring, which starts every quarter of an hour.
    """
    from dagster._core.storage.runs.schema import RunsTable

    runs = RunsTable.c
    if name == LAST:
        newest = _select(instance, runs.pipeline_name != MONITORING.name, 1)
    else:
        newest = _select(instance, runs.pipeline_name == name, 1)
    if newest:
        return _round(instance, newest[0])
    found = _select(instance, runs.run_id.startswith(name, autoescape=True), NEAR)
    if len(found) == 1:
        return list(found)
    if found:
        raise UnknownRunError(
            f"run {name}",
            found=f"more than one: {_told(found)}",
            next_step="give more of its id",
        )
    raise UnknownRunError(f"run {name}", found="none", next_step=_next_step(instance, name))


def title(run: dg.DagsterRun) -> str:
    """A heading for a run: pipeline, stage, id and status."""
    stage = run.tags.get(STAGE_TAG)
    name = f"{run.job_name} ({stage})" if stage else run.job_name
    return f"{name} {run.run_id}: {run.status.value.lower()}"


def _round(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[dg.DagsterRun]:
    """All runs of the round that a run belongs to."""
    id_ = run.tags.get(PIPELINE_ID_TAG) or run.run_id
    first = instance.get_run_by_id(id_)
    tagged = instance.get_runs(dg.RunsFilter(tags={PIPELINE_ID_TAG: id_}))
    others = [found for found in reversed(tagged) if found.run_id != id_]
    return [first, *others] if first else others


def _select(instance: dg.DagsterInstance, where: Any, limit: int) -> Sequence[dg.DagsterRun]:
    """The newest runs that match `where`, newest first."""
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable

    runs = RunsTable.c
    query = sa.select(runs.run_id).where(where).order_by(runs.id.desc()).limit(limit)
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        ids = [row[0] for row in connection.execute(query)]
    found = (instance.get_run_by_id(run_id) for run_id in ids)
    return [run for run in found if run is not None]


def _told(runs: Sequence[dg.DagsterRun]) -> str:
    return ", ".join(f"{run.run_id[:8]} ({run.job_name})" for run in runs)


def _next_step(instance: dg.DagsterInstance, name: str) -> str:
    import sqlalchemy as sa

    newest = _select(instance, sa.true(), NEAR)
    if not newest:
        return "nothing has run yet; `make run` or `stack run` begins"
    near = get_close_matches(name, [pipeline.name for pipeline in PIPELINES], n=1, cutoff=0.5)
    said = f"the newest are {_told(newest)}; or give {LAST}"
    return f"did you mean {near[0]}? {said}" if near else said
