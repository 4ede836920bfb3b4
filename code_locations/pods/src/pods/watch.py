"""Does what Dagster's run monitor doesn't: fails early what can't begin, and deletes old Jobs."""

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

# A launch that has made no Job by then was cut off, as by a Postgres that went away. One that goes
# on all the same does no harm: a Job's name is its run's, and no second one can be made.
LAUNCHING = timedelta(seconds=2 * PATIENCE_S)
# A run's pod ends a moment after its run, and uploads its logs meanwhile.
ENDING = timedelta(seconds=60)
# A Job is kept for some minutes after its end.
EXPLAINABLE = timedelta(minutes=10)
EXPLAINED_TAG = "pods/explained"
_BEGUN = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]
_ENDED_BADLY = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def fail_hopeless_runs(
    instance: DagsterInstance, launcher: ExplainingRunLauncher, logger: logging.Logger
) -> None:
    """Fail the runs whose pod is lost, or can't begin whatever is waited for; delete their Jobs.

    A run whose launch was cut off before it made a Job is launched again.
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
        # The process may have told its end since.
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

    As by a node that is drained or shuts down, or by the Job's deadline.
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

    Those that wait at once: their process would find its run ended and do nothing. Those of
    runs that this instance doesn't know belong to another release.
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
    """Whether a run's launch began too long ago to be going on."""
    begun = instance.get_run_stats(run.run_id).launch_time
    return begun is not None and datetime.now(UTC).timestamp() - begun > LAUNCHING.total_seconds()


def _launch_again(
    instance: DagsterInstance,
    launcher: ExplainingRunLauncher,
    run: DagsterRun,
    logger: logging.Logger,
) -> None:
    """Launch a run that has no Job; it has all of its time to start again."""
    logger.info(f"Run {run.run_id}: it has no Job; it is launched again")
    starting = DagsterEvent(DagsterEventType.PIPELINE_STARTING.value, run.job_name)
    instance.report_dagster_event(starting, run.run_id)
    try:
        launcher.launch(run)
    except Exception as error:  # of many classes; other runs are to be looked at
        if is_away(error):
            logger.warning(f"Run {run.run_id} is launched later, the database is away: {error}")
            return
        logger.exception(f"Run {run.run_id}: its Job can't be made")
        instance.report_run_failed(run, f"its Job can't be made: {error}")


def _fail_for_good(instance: DagsterInstance, run: DagsterRun, message: str) -> None:
    """Fail a run without a retry; one that a person makes of it has its retries again.

    Whether it is retried is decided as the failure is stored, so the tag must be there before.
    """
    allowed = run.tags.get(MAX_RETRIES_TAG, str(instance.run_retries_max_retries))
    instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})
    instance.report_run_failed(run, message)
    instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: allowed})


def _is_begun(instance: DagsterInstance, run: DagsterRun) -> bool:
    current = instance.get_run_by_id(run.run_id)
    return current is not None and current.status in _BEGUN
