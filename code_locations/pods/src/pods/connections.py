"""Keeps the daemon's connections to Postgres open, instead of one for each query."""

from __future__ import annotations

import logging
from typing import Any

from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

# Any age: whether a connection still stands is seen before each use.
KEPT_S = 3600

logger = logging.getLogger(__name__)


def keep_connections(instance: DagsterInstance) -> None:
    """Keep a connection per store open; those that threads need beside it are closed after use.

    The daemon looks every second, and Postgres starts a process for each connection.
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
    except Exception as error:  # of many classes, by what the connection died of
        raise DisconnectionError from error
