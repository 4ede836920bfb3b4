"""Dagster's SQLite files, at a fraction of the cost: a night records some 500 events.

Dagster makes an engine for each statement, so SQLAlchemy compiles each anew, and SQLite copies
its log into the file whenever nobody else has that open. Here a file has one engine, and the files
that all runs share are held open. A transaction is still whole or absent after a crash; a machine
that loses power may lose the last ones (`synchronous` NORMAL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import yaml
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData

# Each run has a file: those of the runs that a process looked at last.
ENGINES = 64


def storage_data(base_dir: str) -> ConfigurableClassData:
    """What an instance's configuration says to have this storage below a folder."""
    return ConfigurableClassData(__name__, Storage.__name__, yaml.dump({"base_dir": base_dir}))


@lru_cache(maxsize=ENGINES)
def engine_of(url: str) -> sa.Engine:
    """The engine of a file; it keeps statements that it compiled, and no connection."""
    engine = sa.create_engine(
        url,
        poolclass=sa.NullPool,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
    )

    @sa.event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("pragma synchronous = normal")

    return engine


class _Holding:
    """Keeps a file open, so that it isn't brought up to date whenever a connection ends."""

    _held: sqlite3.Connection | None = None

    def _hold(self, url: str) -> None:
        if self._held is None:
            path = sa.make_url(url).database or ""
            self._held = sqlite3.connect(path, check_same_thread=False)
            self._held.execute("select 1 from sqlite_master").fetchone()

    def dispose(self) -> None:
        """As Dagster's, and let go of the file."""
        super().dispose()  # type: ignore[misc]
        if self._held is not None:
            self._held.close()
            self._held = None


class EventLog(_Holding, SqliteEventLogStorage):
    """Dagster's, with a file for each run and an index over all."""

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        url = self.conn_string_for_shard(shard)
        with self._db_lock:
            engine = engine_of(url)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            if shard == INDEX_SHARD_NAME:
                self._hold(url)
            with engine.begin() as connection:
                yield connection


class _OneFile(_Holding):
    """What runs and schedules have in common: one file each."""

    _conn_string: str

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        self._hold(self._conn_string)
        with engine_of(self._conn_string).begin() as connection:
            yield connection


class Runs(_OneFile, SqliteRunStorage):
    """Dagster's runs, their tags, the daemon's heartbeats and values by key."""


class Schedules(_OneFile, SqliteScheduleStorage):
    """Dagster's states and ticks of schedules and sensors."""


class Storage(DagsterSqliteStorage):
    """Dagster's three, where it keeps them."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call, arg-type]
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = Runs.from_local(_runs_directory(base_dir))
        self._event_log_storage = EventLog(_event_logs_directory(base_dir))
        self._schedule_storage = Schedules.from_local(_schedule_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> Storage:
        """Made from the configuration, `base_dir`."""
        return cls(inst_data=inst_data, **config_value)
