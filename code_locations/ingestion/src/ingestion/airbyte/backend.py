"""Who runs a connection's sync: a connector on this machine, or an Airbyte server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ingestion.airbyte.connection import Connection, load_connections
from ingestion.airbyte.scope import WHAT_IS_NEW, Scope
from ingestion.airbyte.sync import SyncReport, sync
from ingestion.settings import AirbyteSettings


class Backend(Protocol):
    """Brings what is new in a connection's source into its raw tables."""

    def sync(self, connection: Connection, scope: Scope = WHAT_IS_NEW) -> SyncReport:
        """Read what is in `scope`. Raises SyncError with a report of what was committed."""
        ...


class BackendUnavailableError(RuntimeError):
    """The settings ask for a backend that can't run these connections."""


class ConnectorBackend:
    """Runs the connector itself, by protocol, with no Airbyte platform."""

    def __init__(
        self,
        settings: AirbyteSettings,
        *,
        scratch: Path,
        logger: logging.Logger,
        quarantine: Callable[[str, bytes], None],
    ) -> None:
        self._settings = settings
        self._scratch = scratch
        self._logger = logger
        self._quarantine = quarantine

    def sync(self, connection: Connection, scope: Scope = WHAT_IS_NEW) -> SyncReport:
        """As `Backend.sync`."""
        return sync(
            connection,
            self._settings,
            scratch=self._scratch,
            logger=self._logger,
            quarantine=self._quarantine,
            scope=scope,
        )


def choose_backend(
    settings: AirbyteSettings,
    *,
    scratch: Path,
    logger: logging.Logger,
    quarantine: Callable[[str, bytes], None],
) -> Backend:
    """The backend that the settings ask for. Raises BackendUnavailableError."""
    connection_id = settings.airbyte_connection_id
    if connection_id is None:
        return ConnectorBackend(settings, scratch=scratch, logger=logger, quarantine=quarantine)
    connections = load_connections(settings.airbyte_connection_file)
    if len(connections) > 1:
        raise BackendUnavailableError(
            "AIRBYTE_CONNECTION_ID is one connection, but AIRBYTE_CONNECTION_FILE declares "
            f"{len(connections)}: {', '.join(c.name for c in connections)}; name one file, or "
            "unset AIRBYTE_CONNECTION_ID to run their connectors on this machine"
        )
    from ingestion.airbyte.server.backend import ServerBackend

    return ServerBackend(settings, connection_id, logger)
