"""Does what Dagster's run monitor doesn't: fails hopeless runs early, and deletes old Jobs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import MAX_RETRIES_TAG, RUN_FAILURE_REASON_TAG

from pods.connections import is_away
from pods.launcher import PATIENCE_S, ExplainingRunLauncher

# A launch without a Job by then was cut off, for example because Postgres went away. If it goes on
# after all, no harm is done: a Job is named after its run, so there can't be a second one.
LAUNCHING = timedelta(seconds=2 * PATIENCE_S)
# A run's pod ends a moment after its run, and uploads its logs in between.
ENDING = timedelta(seconds=60)
# How long a Job is kept after its end.
EXPLAINABLE = timedelta(minutes=10)
EXPLAINED_TAG = "pods/explained"
_BEGUN = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
_ENDED_BADLY = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def fail_hopeless_runs(
    instance: DagsterInstance, launcher: ExplainingRunLauncher, logger: logging.Logger
) -> None:
    """Fail runs whose pod is lost, or can't start however long we wait, and delete their Jobs.

    A run whose launch was cut off before it created a Job is launched again.
    """
    for run in instance.get_runs(RunsFilter(statuses=_BEGUN)):
        jobs, name = launcher.jobs_of(run), launcher.job_name(run)
        look = jobs.look(name)
        if look.trouble is None or not look.trouble.final:
            continue
        if not look.found and run.status == DagsterRunStatus.STARTING:
            if _was_cut_off(instance, run) and _is_begun(instance, run):
                _launch_again(instance, launcher, run, logger)
            continue
        # The process may have reported its end since.
        if not _is_begun(instance, run):
            continue
        message = f"Job {name}: {jobs.explain(name, look.trouble)}"
        logger.info(f"Run {run.run_id}: {message}")
        if look.trouble.retry:
            instance.report_run_failed(run, message)
        else:
            _fail_for_good(instance, run, message)
        if look.found:
            jobs.delete(name)


def explain_interrupted_runs(
    instance: DagsterInstance, launcher: ExplainingRunLauncher, logger: logging.Logger
) -> None:
    """Add who ended it to the log of a run that only says that it was told to end.

    Such as a node that is drained or shuts down, or the Job's deadline.
    """
    lately = RunsFilter(
        statuses=[DagsterRunStatus.FAILURE],
        tags={RUN_FAILURE_REASON_TAG: RunFailureReason.UNEXPECTED_TERMINATION.value},
        updated_after=datetime.now(UTC) - EXPLAINABLE,
    )
    for run in instance.get_runs(lately):
        if EXPLAINED_TAG in run.tags:
            continue
        name = launcher.job_name(run)
        reason = launcher.jobs_of(run).interruption(name)
        if reason:
            message = f"Job {name}: {reason}"
            logger.info(f"Run {run.run_id} was interrupted: {message}")
            instance.add_run_tags(run.run_id, {EXPLAINED_TAG: "true"})
            instance.report_engine_event(message, run)


def delete_jobs_of_ended_runs(
    instance: DagsterInstance, launcher: ExplainingRunLauncher, logger: logging.Logger
) -> None:
    """Delete Jobs, of steps too, that outlive a run that failed or was cancelled.

    Waiting ones at once: their process would find its run ended and do nothing. Jobs of runs that
    this instance doesn't know belong to another release.
    """
    jobs = launcher.jobs()
    unfinished = list(jobs.unfinished())
    if not unfinished:
        return
    ids = sorted({job.run_id for job in unfinished})
    records = instance.get_run_records(RunsFilter(run_ids=ids, statuses=_ENDED_BADLY))
    ended = {record.dagster_run.run_id: record.end_time for record in records}
    now = datetime.now(UTC).timestamp()
    for job in unfinished:
        if job.run_id not in ended:
            continue
        if job.running and now - (ended[job.run_id] or 0) < ENDING.total_seconds():
            continue
        if jobs.delete(job.name):
            logger.info(f"Run {job.run_id} is over: deleted its Job {job.name}")


def _was_cut_off(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Whether a run's launch began so long ago that it can't still be going on."""
    begun = instance.get_run_stats(run.run_id).launch_time
    return begun is not None and datetime.now(UTC).timestamp() - begun > LAUNCHING.total_seconds()


def _launch_again(
    instance: DagsterInstance,
    launcher: ExplainingRunLauncher,
    run: DagsterRun,
    logger: logging.Logger,
) -> None:
    """Launch a run that has no Job; its time to start begins anew."""
    logger.info(f"Run {run.run_id}: it has no Job; it is launched again")
    starting = DagsterEvent(DagsterEventType.PIPELINE_STARTING.value, run.job_name)
    instance.report_dagster_event(starting, run.run_id)
    try:
        launcher.launch(run)
    except Exception as error:  # many classes; the other runs still need looking at
        if is_away(error):
            logger.warning(f"Run {run.run_id} is launched later, the database is away: {error}")
            return
        logger.exception(f"Run {run.run_id}: its Job can't be made")
        instance.report_run_failed(run, f"its Job can't be made: {error}")


def _fail_for_good(instance: DagsterInstance, run: DagsterRun, message: str) -> None:
    """Fail a run without a retry; a re-execution by a person may be retried again.

    Dagster decides on a retry as it stores the failure, so the tag must be there before.
    """
    allowed = run.tags.get(MAX_RETRIES_TAG, str(instance.run_retries_max_retries))
    instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})
    instance.report_run_failed(run, message)
    instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: allowed})


def _is_begun(instance: DagsterInstance, run: DagsterRun) -> bool:
    current = instance.get_run_by_id(run.run_id)
    return current is not None and current.status in _BEGUN
