"""Rows of Dagster's tables."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import dagster as dg

from stack.run_storage import wait_for_run_storage

# SQLite allows a few thousand values in a statement.
AT_ONCE = 500
# Connections to Postgres: for looks, for counting, and for a scrape beside them.
KEPT = 3
# So that a Postgres that vanished is noticed before a scrape times out.
ATTENTIVE = {
    "connect_timeout": 3,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_kept: WeakSet[Any] = WeakSet()


def keep_connections(instance: dg.DagsterInstance) -> None:
    """On Postgres, keep a few connections open; Dagster opens one for each query.

    A dropped one is noticed and replaced. While Postgres is away, `impatient` callers wait only a
    moment and not Dagster's ten seconds, which a scrape doesn't have.
    """
    import sqlalchemy as sa

    stores: list[Any] = [
        instance.run_storage, instance.event_log_storage, instance.schedule_storage
    ]  # fmt: skip
    wait_for_run_storage()
    engines: dict[str, Any] = {}
    for store in stores:
        url = getattr(store, "postgres_url", None)
        if url is None or not isinstance(store._engine.pool, sa.pool.NullPool):
            continue
        if url not in engines:
            engines[url] = sa.create_engine(
                url,
                isolation_level="AUTOCOMMIT",
                pool_size=KEPT,
                pool_pre_ping=True,
                connect_args=ATTENTIVE,
            )
            sa.event.listen(engines[url], "connect", lambda found, _: _kept.add(found))
        store._engine = engines[url]


def cut_connections() -> None:
    """End the connections of `keep_connections`, and so every query that gets no answer.

    A server that is frozen, or a proxy before one, takes bytes and says nothing; no timeout of
    Postgres' client ends that.
    """
    for found in list(_kept):
        if found.closed:
            continue
        with suppress(OSError), socket.socket(fileno=os.dup(found.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


@contextmanager
def events_of(instance: dg.DagsterInstance) -> Iterator[Any]:
    """A connection to the event log; for SQLite, to the file that covers all runs."""
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        yield connection


@contextmanager
def ticks_of(instance: dg.DagsterInstance) -> Iterator[Any]:
    """A connection to the store of schedules, sensors and their ticks."""
    storage: Any = instance.schedule_storage
    with storage.connect() as connection:
        yield connection


def batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """`values`, a few at a time."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def rows_of(connection: Any, query: Any, column: Any, values: Sequence[Any]) -> list[Any]:
    """Rows of `query` in which `column` has one of these values."""
    return [
        row for some in batches(values) for row in connection.execute(query.where(column.in_(some)))
    ]
