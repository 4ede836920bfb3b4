"""The server as a backend of `airbyte_sync_job`: a sync, and what is known of each stream."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from logging import Logger
from typing import Any

from ingestion.airbyte.connection import Connection
from ingestion.airbyte.reading import Outcome
from ingestion.airbyte.scope import WHAT_IS_NEW, Scope
from ingestion.airbyte.server.client import ServerClient
from ingestion.airbyte.server.errors import ServerError, SyncFailedError, one_line
from ingestion.airbyte.server.jobs import SUCCEEDED, Job, Statistics, StreamCounts
from ingestion.airbyte.server.running import ServerSync
from ingestion.airbyte.server.tables import Landed, look_at_tables
from ingestion.airbyte.sync import StreamReport, SyncError, SyncReport
from ingestion.settings import AirbyteSettings


@dataclass(frozen=True)
class ServerBackend:
    """Runs a connection's sync on the server that the settings name."""

    settings: AirbyteSettings
    connection_id: str
    logger: Logger

    def sync(self, connection: Connection, scope: Scope = WHAT_IS_NEW) -> SyncReport:
        """As `Backend.sync`, but always of what is new. Raises SyncError."""
        started = time.perf_counter()
        if scope.anew:
            self.logger.warning(
                "%s: only what is new is synced; to read it from its beginning, refresh the "
                "connection's streams in Airbyte",
                self._named(connection),
            )
        server = self.settings.airbyte_url
        nothing = SyncReport(connection.name, server)
        client = ServerClient.of(self.settings, self.logger)
        try:
            found = client.connection(self.connection_id)
            _require_streams(connection, found)
            sync = ServerSync(
                client,
                self.connection_id,
                poll_s=self.settings.airbyte_poll_seconds,
                deadline_s=self.settings.airbyte_deadline_seconds,
                logger=self.logger,
            )
            job = sync.run()
            statistics = client.statistics(job.id)
        except ServerError as error:
            text = client.redact(f"{self._named(connection)}: {error}")
            raise SyncError(text, nothing) from None
        facts = {
            "airbyte_job": job.id,
            "airbyte_connection": self.connection_id,
            "joined": sync.joined,
        }
        outcome = Ended(job, statistics or Statistics(), facts, time.perf_counter() - started)
        tables = look_at_tables(connection, found)
        streams = tuple(outcome.report(connection, name, tables[name]) for name in tables)
        report = SyncReport(connection.name, server, streams, outcome.duration_s)
        if job.status != SUCCEEDED:
            raise SyncError(client.redact(f"{self._named(connection)}: {outcome.why()}"), report)
        return report

    def _named(self, connection: Connection) -> str:
        server = self.settings.airbyte_url
        return f"Airbyte connection {self.connection_id} ({connection.name}) at {server}"


@dataclass(frozen=True)
class Ended:
    """A job that came to its end, and what is known of it. `facts` are metadata."""

    job: Job
    statistics: Statistics
    facts: Mapping[str, Any]
    duration_s: float

    def report(self, connection: Connection, name: str, landed: Landed) -> StreamReport:
        """What the job did with one stream."""
        counted = self.statistics.streams.get(name, StreamCounts())
        outcome: Outcome = "complete"
        if self.job.status != SUCCEEDED:
            outcome = "checkpoint" if counted.rows_committed else "discarded"
        return StreamReport(
            stream=name,
            table=landed.table,
            sync_mode=connection.streams[name].sync_mode,
            outcome=outcome,
            rows_read=counted.rows_emitted,
            rows_loaded=counted.rows_committed,
            rows_total=landed.rows,
            bytes_read=counted.bytes_emitted,
            duration_s=self.duration_s,
            facts={
                **self.facts,
                "airbyte_table": landed.airbyte_table,
                **_unknown(counted, landed),
            },
        )

    def why(self) -> str:
        """Why the job didn't succeed."""
        if self.job.status == "cancelled":
            return f"job {self.job.id} was cancelled on the server; run again to sync"
        reason = "; ".join(self.statistics.failures) or (
            "the server's API doesn't tell why; see the job's log in Airbyte's UI"
        )
        return f"job {self.job.id} {self.job.status}: {reason}"


def _require_streams(connection: Connection, found: Mapping[str, Any]) -> None:
    """Raise SyncFailedError where the server's connection doesn't read what ours declares."""
    configurations = found.get("configurations")
    streams = configurations.get("streams") if isinstance(configurations, dict) else None
    if not isinstance(streams, list):
        return  # not told
    there = {str(s.get("name")) for s in streams if isinstance(s, dict)}
    missing = sorted(set(connection.streams) - there)
    if missing:
        raise SyncFailedError(
            f"it does not sync {', '.join(missing)}, which {connection.file.name} declares; it "
            f"syncs {one_line(', '.join(sorted(there)) or 'nothing')}. Select the streams in "
            "Airbyte, or declare these in AIRBYTE_CONNECTION_FILE"
        )


def _unknown(counted: StreamCounts, landed: Landed) -> dict[str, str]:
    """What can't be told of a stream, in a sentence; nothing where all is known."""
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
