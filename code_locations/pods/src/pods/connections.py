"""Connections to Postgres: recognise that it is away, and keep the daemon's connections open."""

from __future__ import annotations

from typing import Any

from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from sqlalchemy import event
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    InvalidRequestError,
    OperationalError,
)

# However old: each connection is tested before use.
KEPT_S = 3600
_READ_ONLY = "25006"  # the old primary, now a standby


def is_away(error: BaseException) -> bool:
    """Whether something failed because the database is away, and may work later.

    That means a lost connection (also as Dagster or the pool reports it after their retries), or a
    server that is full or being replaced; never a wrong statement.
    """
    return any(_is_away(found) for found in (error, error.__cause__) if found is not None)


def _is_away(error: BaseException) -> bool:
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or getattr(error.orig, "pgcode", None) == _READ_ONLY
    return type(error) is InvalidRequestError and "connection is closed" in str(error)


def keep_connections(instance: DagsterInstance) -> None:
    """Keep one connection per store open; extra ones for other threads are closed after use.

    The daemon queries every second, and Postgres starts a process for each connection. Statements
    still have no time limit.
    """
    stores = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    for store in stores:
        if isinstance(
            store, (PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage)
        ):
            store.optimize_for_webserver(statement_timeout=0, pool_recycle=KEPT_S, max_overflow=-1)
            event.listen(store._engine, "checkout", _still_stands)


def _still_stands(connection: Any, _record: object, _proxy: object) -> None:
    """Make the pool replace a connection that is lost."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        connection.rollback()
    except Exception as error:  # the class depends on how the connection died
        raise DisconnectionError from error
