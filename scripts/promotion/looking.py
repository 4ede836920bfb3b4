"""Looks at an environment's run storage: what ran with which image, and what is queued."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.promotion.images import Images, PromotionError
from scripts.promotion.proof import Checks, RanBy, Round
from stack.pipelines import DAILY
from stack.run_storage import require_answer

if TYPE_CHECKING:
    import dagster as dg

    from observability.facts.model import PipelineFact
    from observability.facts.runs import Read

# Among this many of the newest runs, the definition of a job is looked for.
NEWEST = 500
IMAGE_TAG = "dagster/image"
_URL_VARIABLE = "PROMOTION_POSTGRES_URL"
_POSTGRES = """\
telemetry: {enabled: false}
storage:
  postgres:
    postgres_url: {env: PROMOTION_POSTGRES_URL}
    should_autocreate_tables: false
"""


@dataclass(frozen=True)
class Queued:
    """Queued runs of a job in an environment; `definitions` are Dagster's ids of the job."""

    location: str
    job: str
    count: int
    definitions: frozenset[str]


@contextmanager
def opened(where: str = "") -> Iterator[dg.DagsterInstance]:
    """The instance at a postgresql:// URL or a DAGSTER_HOME; by default this machine's.

    Nothing is created in a Postgres, which belongs to another environment. Raises PromotionError.
    """
    import dagster as dg
    import sqlalchemy as sa

    from stack.automation import opened_instance

    if not where:
        with opened_instance() as instance:
            yield instance
    elif "://" in where:
        os.environ[_URL_VARIABLE] = where
        with tempfile.TemporaryDirectory() as home:
            (Path(home) / "dagster.yaml").write_text(_POSTGRES)
            try:
                require_answer(where)
                with dg.DagsterInstance.from_config(home) as instance:
                    instance.get_runs_count()
                    yield instance
            except sa.exc.SQLAlchemyError as error:
                said = str(getattr(error, "orig", None) or error).splitlines()[0]
                raise PromotionError(f"the run storage gives no answer: {said}") from None
            finally:
                del os.environ[_URL_VARIABLE]  # no program that is run later needs it
    elif (Path(where) / "dagster.yaml").is_file():
        with dg.DagsterInstance.from_config(where) as instance:
            yield instance
    else:
        raise PromotionError(f"{where}: no dagster.yaml there; name a DAGSTER_HOME, or a Postgres")


def rounds(instance: dg.DagsterInstance) -> tuple[Round, ...]:
    """The newest daily pipelines, newest first."""
    from observability.facts.pipelines import pipelines_of
    from observability.facts.runs import RunReader

    read = [found for found in RunReader().read(instance) if found.fact.pipeline == DAILY.name]
    by_id = {found.fact.run_id: found for found in read}
    return tuple(_round(instance, one, by_id) for one in pipelines_of(read))


def jobs_of(instance: dg.DagsterInstance, images: Images) -> dict[str, dict[str, str]]:
    """By location, the definition of each job that ran with the location's image."""
    found: dict[str, dict[str, str]] = {}
    for run in instance.get_runs(limit=NEWEST):
        location = location_of(run)
        image = images.get(location)
        if image is not None and image.is_at(image_of(run)) and _is_whole(run):
            found.setdefault(location, {}).setdefault(run.job_name, run.job_snapshot_id or "")
    return found


def queued(instance: dg.DagsterInstance) -> tuple[Queued, ...]:
    """Queued runs, by location and job."""
    import dagster as dg

    waiting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
    runs: dict[tuple[str, str], list[dg.DagsterRun]] = {}
    for run in instance.get_runs(waiting):
        runs.setdefault((location_of(run), run.job_name), []).append(run)
    return tuple(
        Queued(
            location,
            job,
            len(found),
            frozenset(
                run.job_snapshot_id for run in found if run.job_snapshot_id and _is_whole(run)
            ),
        )
        for (location, job), found in sorted(runs.items())
    )


def warnings(
    waiting: Sequence[Queued], promoted: Images, jobs: dict[str, dict[str, str]], target: str
) -> Iterator[str]:
    """A line for each queued job that the new image lacks or defines differently."""
    for one in waiting:
        if one.location not in promoted or one.job.startswith("__"):
            continue
        runs = f"{one.count} queued run{'s' if one.count > 1 else ''} of {one.job} in {target}"
        known = jobs.get(one.location, {}).get(one.job)
        if known is None:
            yield f"{runs}: no run of it by the new {one.location}; if it is gone, they will fail"
        elif one.definitions - {known}:
            yield f"{runs}: the new {one.location} defines it otherwise, and they will run that"


def image_of(run: dg.DagsterRun) -> str:
    """The image that a run's process had, or would have had; "" outside containers.

    The launcher records the pod's; a run without a pod has the code server's.
    """
    origin = run.job_code_origin
    noted = run.tags.get(IMAGE_TAG) or (origin.repository_origin.container_image if origin else "")
    return noted or ""


def location_of(run: dg.DagsterRun) -> str:
    """The code location of a run; "" if it doesn't say."""
    from observability.facts.runs import LOCATION_TAG

    if run.remote_job_origin is not None:
        return str(run.remote_job_origin.location_name)
    return run.tags.get(LOCATION_TAG, "")


def _is_whole(run: dg.DagsterRun) -> bool:
    """Whether it covers its whole job: Dagster defines a partial one differently."""
    return not (run.asset_selection or run.asset_check_selection or run.op_selection)


def _round(instance: dg.DagsterInstance, one: PipelineFact, by_id: Mapping[str, Read]) -> Round:
    runs = tuple(_ran_by(by_id[run.run_id]) for run in one.runs)
    # Dagster plans the checks even of a run that ends without a pod.
    judged = [run.run_id for run in runs if not run.held]
    return Round(
        pipeline_id=one.pipeline_id,
        outcome=str(one.outcome),
        began=one.begun,
        ended=one.ended,
        runs=runs,
        checks=_checks(instance, judged),
    )


def _ran_by(found: Read) -> RanBy:
    from pods.held import HELD_TAG

    fact, run = found.fact, found.run
    return RanBy(
        run_id=fact.run_id,
        location=location_of(run),
        image=image_of(run),
        status=fact.status,
        # Its re-execution gets a pod.
        held=HELD_TAG in run.tags and run.parent_run_id is None and IMAGE_TAG not in run.tags,
    )


def _checks(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> Checks:
    """The outcome of each check; of several evaluations the last, since a retry repeats it."""
    import dagster as dg
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._serdes import deserialize_value

    from observability.facts.rows import events_of

    table = AssetCheckExecutionsTable.c
    query = (
        sa.select(table.asset_key, table.check_name, table.evaluation_event)
        .where(table.run_id.in_(run_ids))
        .order_by(table.id)
    )
    with events_of(instance) as connection:
        rows = connection.execute(query).fetchall()
    ends: dict[str, Any] = {}
    for key, name, body in rows:
        asset = dg.AssetKey.from_db_string(key)
        check = f"{name} of {asset.to_user_string() if asset else key}"
        entry = deserialize_value(body, dg.EventLogEntry) if body else None
        told = entry.dagster_event.event_specific_data if entry and entry.dagster_event else None
        evaluated = told if isinstance(told, dg.AssetCheckEvaluation) else None
        ends[check] = evaluated or ends.get(check)
    broken = {check: told for check, told in ends.items() if told and not told.passed}
    error = dg.AssetCheckSeverity.ERROR
    return Checks(
        passed=sum(1 for told in ends.values() if told and told.passed),
        failed=tuple(sorted(check for check, told in broken.items() if told.severity == error)),
        warned=tuple(sorted(check for check, told in broken.items() if told.severity != error)),
        missing=tuple(sorted(check for check, told in ends.items() if told is None)),
    )
