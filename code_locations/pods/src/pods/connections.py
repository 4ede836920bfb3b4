"""Connections to Postgres: recognise that it is away, and keep the daemon's open."""

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

# Any age: whether a connection still stands is seen before each use.
KEPT_S = 3600
_READ_ONLY = "25006"  # the standby that it was moved from


def is_away(error: BaseException) -> bool:
    """Whether something failed because the database is away, and may work later.

    That is a lost connection (also in the end of Dagster's own tries, or as the pool puts it), a
    server that is full or just being replaced; no statement that is wrong.
    """
    return any(_is_away(found) for found in (error, error.__cause__) if found is not None)


def _is_away(error: BaseException) -> bool:
    if isinstance(error, (OperationalError, InterfaceError)):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or getattr(error.orig, "pgcode", None) == _READ_ONLY
    return type(error) is InvalidRequestError and "connection is closed" in str(error)


def keep_connections(instance: DagsterInstance) -> None:
    """Keep a connection per store open; those that threads need beside it are closed after use.

    The daemon looks every second, and Postgres starts a process for each connection. Statements
    have no time limit, as before.
    """
    stores = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    for store in stores:
        if isinstance(
            store, (PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage)
        ):
            store.optimize_for_webserver(statement_timeout=0, pool_recycle=KEPT_S, max_overflow=-1)
            event.listen(store._engine, "checkout", _still_stands)


def _still_stands(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool make another connection where this one is lost."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        connection.rollback()
    except Exception as error:  # many classes: it depends on how the connection died
        raise DisconnectionError from error
