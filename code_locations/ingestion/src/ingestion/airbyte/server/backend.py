"""A sync of a connection on the server, and what is known about each stream."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from logging import Logger
from typing import Any

from ingestion.airbyte.connection import Connection
from ingestion.airbyte.server.client import ServerClient
from ingestion.airbyte.server.errors import ServerError, SyncFailedError, brief
from ingestion.airbyte.server.jobs import SUCCEEDED, Job, Statistics, StreamCounts
from ingestion.airbyte.server.running import ServerSync
from ingestion.airbyte.server.tables import Landed, look_at_tables
from ingestion.airbyte.sync import Synced, SyncError
from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.settings import AirbyteSettings
from stack.load_report import InputReport, Outcome, TableReport


def sync_on_server(
    connection: Connection,
    settings: AirbyteSettings,
    connection_id: str,
    logger: Logger,
    scope: Scope = WHAT_IS_NEW,
) -> Synced:
    """As `ingestion.airbyte.sync.sync`, but always only what is new. Raises SyncError."""
    started = time.perf_counter()
    named = f"Airbyte connection {connection_id} ({connection.name}) at {settings.airbyte_url}"
    if scope.anew:
        logger.warning(
            "%s: only what is new is synced; to read it from its beginning, refresh the "
            "connection's streams in Airbyte",
            named,
        )
    client = ServerClient.of(settings, logger)
    try:
        found = client.connection(connection_id)
        _require_streams(connection, found)
        sync = ServerSync(
            client,
            connection_id,
            poll_s=settings.airbyte_poll_seconds,
            deadline_s=settings.airbyte_deadline_seconds,
            logger=logger,
        )
        job = sync.run()
        statistics = client.statistics(job.id)
    except ServerError as error:
        raise SyncError(brief(f"{named}: {error}")) from None
    facts = {
        "connector": settings.airbyte_url,
        "airbyte_job": job.id,
        "airbyte_connection": connection_id,
        "joined": sync.joined,
    }
    ended = Ended(job, statistics or Statistics(), facts, time.perf_counter() - started)
    tables = look_at_tables(connection, found)
    done = Synced(
        tuple(ended.report(connection, name, landed) for name, landed in tables.items()),
        {landed.table.table_name: ended.table(name, landed) for name, landed in tables.items()},
    )
    if job.status != SUCCEEDED:
        raise SyncError(brief(f"{named}: {ended.why()}"), done)
    return done


@dataclass(frozen=True)
class Ended:
    """A finished job, and what is known about it. `facts` are metadata."""

    job: Job
    statistics: Statistics
    facts: Mapping[str, Any]
    duration_s: float

    def report(self, connection: Connection, name: str, landed: Landed) -> InputReport:
        """What the job did with one stream, according to the server's statistics."""
        counted = self._counts(name)
        outcome = Outcome.LOADED
        if self.job.status != SUCCEEDED:
            outcome = Outcome.PARTLY if counted.rows_committed else Outcome.FAILED
        whole = counted.rows_emitted is not None and counted.rows_committed is not None
        return InputReport(
            name=f"{connection.name}.{name}",
            table=landed.table.table_name,
            outcome=outcome,
            records=counted.rows_emitted if whole else None,
            loaded=counted.rows_committed or 0,
            # Rows that the destination merged: the server doesn't report refused records.
            merged_away=(counted.rows_emitted or 0) - (counted.rows_committed or 0) if whole else 0,
            bytes=counted.bytes_emitted,
            seconds=round(self.duration_s, 3),
            facts={
                **self.facts,
                "sync_mode": connection.streams[name].sync_mode,
                "airbyte_table": landed.airbyte_table,
                **_unknown(counted, landed),
            },
        )

    def table(self, name: str, landed: Landed) -> TableReport:
        """The stream's raw table, if it is in the warehouse."""
        committed = self._counts(name).rows_committed
        return TableReport(
            table=landed.table,
            rows_total=landed.rows,
            rows_loaded=committed or 0,
            disposition="server",
            seconds=round(self.duration_s, 3),
        )

    def _counts(self, name: str) -> StreamCounts:
        return self.statistics.streams.get(name, StreamCounts())

    def why(self) -> str:
        """Why the job failed."""
        if self.job.status == "cancelled":
            return f"job {self.job.id} was cancelled on the server; run again to sync"
        reason = "; ".join(self.statistics.failures) or (
            "the server's API doesn't tell why; see the job's log in Airbyte's UI"
        )
        return f"job {self.job.id} {self.job.status}: {reason}"


def _require_streams(connection: Connection, found: Mapping[str, Any]) -> None:
    """Raise SyncFailedError if the server's connection doesn't read what ours declares."""
    configurations = found.get("configurations")
    streams = configurations.get("streams") if isinstance(configurations, dict) else None
    if not isinstance(streams, list):
        return  # the server doesn't say
    there = {str(s.get("name")) for s in streams if isinstance(s, dict)}
    missing = sorted(set(connection.streams) - there)
    if missing:
        raise SyncFailedError(
            f"it does not sync {', '.join(missing)}, which {connection.file.name} declares; it "
            f"syncs {brief(', '.join(sorted(there)) or 'nothing')}. Select the streams in "
            "Airbyte, or declare these in AIRBYTE_CONNECTION_FILE"
        )


def _unknown(counted: StreamCounts, landed: Landed) -> dict[str, str]:
    """What is unknown about a stream, as a sentence; empty if everything is known."""
    said = []
    if None in {counted.rows_emitted, counted.rows_committed, counted.bytes_emitted}:
        said.append("the server doesn't tell all of this stream's rows and bytes")
    if landed.missing:
        said.append(landed.missing)
    elif landed.rows == 0 and counted.rows_committed:
        said.append(
            f"{landed.table.table_name} has no rows in the warehouse although the server counts "
            f"{counted.rows_committed:,}; its destination is another one, or writes elsewhere"
        )
    return {"not_known": "; ".join(said)} if said else {}
