"""All Airbyte connections as one loader: through local connectors, or a server."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from ingestion.airbyte.connection import Connection, load_connections
from ingestion.airbyte.state import without_streams
from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Quarantine, QuarantineError
from ingestion.settings import AirbyteSettings, QuarantineSettings
from stack.artifacts import ArtifactStore
from stack.errors import StackError
from stack.load_report import Failure, InputReport, LoadReport, TableReport, read_report
from stack.outage import is_passing
from stack.quarantine import Entry
from stack.raw import RawTable
from stack.settings import StackSettings, load_settings

_log = logging.getLogger(__name__)


class BackendUnavailableError(StackError):
    """The settings ask for a server that can't run these connections."""


class AirbyteLoader:
    """The connections of AIRBYTE_CONNECTION_FILE, or those given.

    Implements `ingestion.loaders.Loader`. Raises DeclarationError when first asked.
    """

    name = "airbyte"
    asset = "airbyte_sync_job"
    kind = "airbyte"
    required = True

    def __init__(self, connections: Sequence[Connection] | None = None) -> None:
        self._given = connections

    @cached_property
    def connections(self) -> tuple[Connection, ...]:
        """The connections as declared."""
        if self._given is not None:
            return tuple(self._given)
        return load_connections(load_settings(AirbyteSettings).airbyte_connection_file)

    def tables(self) -> tuple[RawTable, ...]:
        """One raw table per stream."""
        return tuple(c.raw_table(stream) for c in self.connections for stream in c.streams)

    def facts(self, table: RawTable) -> dict[str, Any]:
        """Connector, stream and mode of the sync."""
        connection, stream = self._streams()[table.table_name]
        return {
            "connector": connection.connector.package,
            "stream": stream,
            "sync_mode": connection.streams[stream].sync_mode,
        }

    def load(self, scope: Scope = WHAT_IS_NEW, log: logging.Logger = _log) -> LoadReport:
        """Sync the connections one after the other. Raises BackendUnavailableError."""
        from ingestion.airbyte.sync import SyncError

        settings = load_settings(AirbyteSettings)
        self._require_one_connection_for_a_server(settings)
        inputs: list[InputReport] = []
        tables: dict[str, TableReport] = {}
        failures = []
        for connection in self.connections:
            if not scope.has({connection.table_name(stream) for stream in connection.streams}):
                continue
            try:
                done = _sync(connection, settings, scope, log)
            except SyncError as error:  # carries what was committed all the same
                done = error.done
                failures.append(Failure(source=connection.name, reason=str(error)))
            except StackError as error:
                if is_passing(error):
                    raise
                failures.append(Failure(source=connection.name, reason=str(error)))
                continue
            inputs += done.inputs
            tables |= done.tables
        return LoadReport(
            loader=self.name,
            asset=self.asset,
            inputs=tuple(inputs),
            tables=tables if settings.airbyte_connection_id else self._all_tables(tables),
            failures=tuple(failures),
        )

    def forget(self, tables: Collection[str]) -> None:
        """Forget how far the streams of these tables were read.

        Except where a server keeps the state, and for streams whose rows have no key: reading them
        again would duplicate rows.
        """
        from ingestion.loading import load, read_state

        again = {table for table in tables if self.rereads(table)}
        for connection in self.connections:
            streams = [s for s in connection.streams if connection.table_name(s) in again]
            if not streams:
                continue
            state = read_state(connection.name)
            remaining = without_streams(state, streams)
            if remaining != state:
                load(connection.name, [], remaining)

    def rereads(self, table: str) -> bool:
        """Whether each stream is read by a connector, and is read whole or has a key."""
        if load_settings(AirbyteSettings).airbyte_connection_id or table not in self._streams():
            return False
        connection, stream = self._streams()[table]
        whole = connection.streams[stream].sync_mode == "full_refresh"
        return whole or bool(self._key(connection, stream))

    def put_back(self, entry: Entry) -> str:
        """Make the next sync read the stream of these records from its beginning."""
        if not self.rereads(entry.table):
            raise QuarantineError(
                entry.path,
                found=f"records of {entry.table}, whose stream can't be read again: a server has "
                "its state, or its rows have no key and would be there twice",
                next_step="refresh the stream in Airbyte, or run with force_full_refresh; then "
                f"`stack quarantine settle {entry.id}`",
            )
        self.forget([entry.table])
        return f"{entry.path}: the next sync reads the stream from its beginning"

    def _all_tables(self, tables: dict[str, TableReport]) -> dict[str, TableReport]:
        return with_all_tables(self.tables(), tables)

    def _key(self, connection: Connection, stream: str) -> tuple[str, ...]:
        """The key of a stream's table, as declared or as the last sync found it."""
        table = connection.raw_table(stream)
        report = read_report(ArtifactStore(load_settings(StackSettings).artifacts), self.name)
        found = report.tables.get(table.table_name) if report else None
        return table.primary_key or (found.table.primary_key if found else ())

    def _streams(self) -> dict[str, tuple[Connection, str]]:
        return {c.table_name(stream): (c, stream) for c in self.connections for stream in c.streams}

    def _require_one_connection_for_a_server(self, settings: AirbyteSettings) -> None:
        if settings.airbyte_connection_id and len(self.connections) > 1:
            raise BackendUnavailableError(
                "AIRBYTE_CONNECTION_ID is one connection, but AIRBYTE_CONNECTION_FILE declares "
                f"{len(self.connections)}: {', '.join(c.name for c in self.connections)}; name one "
                "file, or unset AIRBYTE_CONNECTION_ID to run their connectors on this machine"
            )


def _sync(
    connection: Connection, settings: AirbyteSettings, scope: Scope, log: logging.Logger
) -> Any:
    if settings.airbyte_connection_id:
        from ingestion.airbyte.server.backend import sync_on_server

        return sync_on_server(connection, settings, settings.airbyte_connection_id, log, scope)
    from ingestion.airbyte.sync import sync

    return sync(
        connection,
        settings,
        scratch=load_settings(StackSettings).scratch,
        logger=log,
        quarantine=Quarantine(load_settings(QuarantineSettings).quarantine),
        scope=scope,
    )
