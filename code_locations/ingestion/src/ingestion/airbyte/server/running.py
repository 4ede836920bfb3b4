"""One sync on a server, started or joined, until it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from logging import Logger

from ingestion.airbyte.interrupts import Interrupts
from ingestion.airbyte.server.client import ServerClient
from ingestion.airbyte.server.errors import (
    NoAnswerError,
    RefusedError,
    ServerError,
    SyncFailedError,
)
from ingestion.airbyte.server.jobs import SYNC, Job
from stack.http import LONGEST_WAIT_S

# How often a long sync reports its progress.
PROGRESS_S = 60.0


class ServerSync:
    """A sync of a connection: starts at most one, and joins one that is already running.

    A sync that we started is cancelled if we are interrupted or its deadline passes; one that we
    joined belongs to someone else and goes on.
    """

    def __init__(
        self,
        client: ServerClient,
        connection_id: str,
        *,
        poll_s: float,
        deadline_s: float,
        logger: Logger,
    ) -> None:
        self._client = client
        self._connection_id = connection_id
        self._poll_s = poll_s
        self._deadline_s = deadline_s
        self._logger = logger
        self._ends = time.monotonic() + deadline_s
        self._interrupts = Interrupts()
        self.joined = False

    def run(self) -> Job:
        """Wait for the sync's end; the job may have failed. Raises ServerError."""
        with self._interrupts.noticed():
            return self._run()

    def _run(self) -> Job:
        while True:
            known = self._client.recent_jobs(self._connection_id)
            active = [job for job in known if job.active]
            running = max(active, key=lambda job: (job.type == SYNC, job.id), default=None)
            if running is None:
                job = self._start(newest=max((job.id for job in known), default=0))
                if job is not None:
                    return self._wait(job)
            elif running.type == SYNC:
                return self._wait(self._join(running))
            else:
                self._logger.info(
                    "Airbyte job %s is a %s; the sync starts after it", running.id, running.type
                )
                self._wait(running, ours=False)

    def _join(self, job: Job) -> Job:
        self.joined = True
        self._logger.info("Airbyte job %s runs already; waiting for it", job.id)
        return job

    def _start(self, newest: int) -> Job | None:
        """The sync that was started or joined; None if another kind of job came first.

        `newest` is the newest job that existed before. If a start gets no answer, newer jobs are
        searched for it before it is tried again, or a second sync might begin.
        """
        unclear = False
        last: ServerError | None = None
        try:
            for attempt in range(self._client.request_max_retries + 1):
                if last is not None:
                    self._logger.warning("Airbyte: start of the sync: %s", last)
                    self._pause(self._client.request_retry_delay * 2 ** (attempt - 1))
                    known = self._client.recent_jobs(self._connection_id)
                    newer = _newest_sync(known, newest)
                    if newer is not None and unclear:
                        self._logger.info("Airbyte job %s was started nevertheless", newer.id)
                        return newer
                    if newer is not None:
                        return self._join(newer)
                    if any(job.active for job in known):
                        return None
                try:
                    job = self._client.start(self._connection_id)
                except RefusedError as error:
                    if error.status != 409:
                        raise
                    last = error
                except NoAnswerError as error:
                    last, unclear = error, True
                else:
                    self._logger.info("Airbyte job %s started", job.id)
                    return job
        except ServerError:
            raise
        except BaseException:  # interrupted before we knew the job, which would go on unnoticed
            self._cancel(newest=newest)
            raise
        raise last or NoAnswerError("it was not asked")

    def _wait(self, job: Job, *, ours: bool | None = None) -> Job:
        ours = not self.joined if ours is None else ours
        told, told_at = "", -PROGRESS_S
        try:
            while job.active:
                if job.status != told or time.monotonic() - told_at >= PROGRESS_S:
                    told, told_at = job.status, time.monotonic()
                    moved = "" if job.rows is None else f", {job.rows:,} rows"
                    self._logger.info("Airbyte job %s: %s%s", job.id, job.status, moved)
                if time.monotonic() >= self._ends:
                    raise _DeadlineError
                self._pause(self._poll_s)
                job = self._client.job(job.id)
        except ServerError as error:
            raise SyncFailedError(
                f"job {job.id}: {error}. It may still run on the server; the next run joins it"
            ) from None
        except _DeadlineError:
            if ours:
                self._cancel(job)
            what = "was told to stop" if ours else "goes on: it was not started here"
            raise SyncFailedError(
                f"job {job.id} did not end within {self._deadline_s:,.0f} s and {what}; "
                "raise AIRBYTE_DEADLINE_SECONDS if it needs longer"
            ) from None
        except BaseException:  # the run is being terminated
            if ours:
                self._cancel(job)
            else:
                self._logger.info("Airbyte job %s goes on: it was not started here", job.id)
            raise
        return job

    def _cancel(self, job: Job | None = None, *, newest: int = 0) -> None:
        """Cancel our sync, or whatever its start led to; a failure hides no other error."""
        client = self._client.hurried()
        try:
            if job is None:
                job = _newest_sync(client.recent_jobs(self._connection_id), newest)
            if job is not None and job.active:
                client.cancel_job(job.id)
                self._logger.info("Airbyte job %s was cancelled", job.id)
        except ServerError as error:
            self._logger.warning("Airbyte: the sync can't be cancelled, it may go on: %s", error)

    def _pause(self, seconds: float) -> None:
        # Each request finalizes a connection pool, in which an interrupt would be lost.
        self._interrupts.raise_lost()
        time.sleep(max(0.0, min(seconds, LONGEST_WAIT_S, self._ends - time.monotonic())))


class _DeadlineError(Exception):
    """The sync takes too long."""


def _newest_sync(jobs: Iterable[Job], after: int) -> Job | None:
    newer = (job for job in jobs if job.id > after and job.type == SYNC)
    return max(newer, key=lambda job: job.id, default=None)
