"""Whether the stores that everything depends on can be used, by one small question to each.

Each question has a thread of its own and a short deadline. While one hangs, as on a network disk
that is gone, that store isn't asked again. No file of the warehouse is opened: closing it would
release the locks of a DuckDB in this process.
"""

from __future__ import annotations

import os
import select
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from observability.facts.model import ReachFact
from observability.facts.rows import events_of
from stack.errors import StackError, one_line, reason
from stack.monitoring.health import Health, HealthCheck, State
from stack.monitoring.probing import run_checks
from stack.run_storage import runs_of
from stack.settings import StackSettings, WarehouseSettings
from stack.storage import ask
from stack.warehouse.connection import is_postgres

RUN_STORAGE, WAREHOUSE, OBJECTS, DISK = "run_storage", "warehouse", "object_store", "disk"
DEADLINE_S = 5.0
ANSWER_S = 4.0
# SQLite's answer while another process writes: it is there.
BUSY = "database is locked"
# With less than this, a run can't write its results.
FULL_BYTES = 64 * 2**20

Question = Callable[[], None]


class ReachReader:
    """Asks the stores of one stack, and remembers since when each has been away."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        stack: StackSettings,
        warehouse: WarehouseSettings,
        urls: Iterable[str],
    ) -> None:
        """`urls`: where else data is read and written, by fsspec."""
        self._instance = instance
        self._since: dict[str, datetime] = {}
        self._back: dict[str, datetime] = {}
        remote, folders = _places(instance, warehouse, [stack.artifacts, stack.alerts, *urls])
        questions: dict[str, Question] = {
            RUN_STORAGE: lambda: _ask_run_storage(instance),
            WAREHOUSE: lambda: _ask_warehouse(instance, warehouse),
        }
        if remote:
            questions[OBJECTS] = lambda: _ask_all(remote)
        if folders:
            questions[DISK] = _Disks(folders)
        self._checks = [
            HealthCheck(name, "", _Asked(question), deadline_s=DEADLINE_S)
            for name, question in questions.items()
        ]

    def read(self) -> tuple[ReachFact, ...]:
        """Each store, after at most DEADLINE_S."""
        found = run_checks(self._checks, self._instance)
        at = datetime.now(UTC)
        away = {name for name, health in found.items() if health.state is State.DOWN}
        self._back |= dict.fromkeys(self._since.keys() - away, at)
        self._since = {name: self._since.get(name, at) for name in away}
        return tuple(
            ReachFact(
                name,
                name not in away,
                at,
                health.sentence,
                self._since.get(name),
                self._back.get(name),
            )
            for name, health in found.items()
        )


def run_storage_away(reach: Iterable[ReachFact]) -> str:
    """What the run storage answered, if it is away and there is no use in asking it more."""
    return next((s.sentence for s in reach if s.name == RUN_STORAGE and not s.up), "")


class _Asked:
    """A question as a probe. It isn't asked again while it hangs."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._busy = threading.Lock()

    def __call__(self, _: dg.DagsterInstance) -> Health:
        if not self._busy.acquire(blocking=False):
            return Health(State.DOWN, "it still gives no answer")
        try:
            self._question()
        except Exception as error:  # of any kind: it can't be used
            if BUSY not in str(error):
                return Health(State.DOWN, one_line(reason(error), 300))
        finally:
            self._busy.release()
        return Health(State.OK, "it answers")


def _places(
    instance: dg.DagsterInstance, warehouse: WarehouseSettings, urls: list[str]
) -> tuple[list[str], list[Path]]:
    """One URL for each bucket, and the folders of this machine that the stack writes to."""
    if not hasattr(instance.run_storage, "postgres_url"):
        urls.append(instance.root_directory)
    if warehouse.dlt_destination == "duckdb":
        urls.append(str(warehouse.duckdb_file.parent))
    else:
        urls.append(warehouse.lake_data)
    remote = {"/".join(url.split("/")[:3]): url for url in urls if "://" in url}
    return list(remote.values()), [Path(url) for url in urls if "://" not in url]


def _ask_run_storage(instance: dg.DagsterInstance) -> None:
    """Use a new connection, because Dagster's own retries again and again."""
    import sqlalchemy as sa

    if url := getattr(instance.run_storage, "postgres_url", None):
        plain = sa.make_url(url).set(drivername="postgresql")
        _ask_postgres(plain.render_as_string(hide_password=False))
        return
    with runs_of(instance) as connection:
        connection.execute(sa.text("select 1 from runs limit 1"))


def _ask_warehouse(instance: dg.DagsterInstance, settings: WarehouseSettings) -> None:
    if settings.dlt_destination == "ducklake" and is_postgres(settings):
        _ask_postgres(settings.lake_catalog)
        return
    lake = settings.dlt_destination == "ducklake"
    file = Path(settings.lake_catalog) if lake else settings.duckdb_file
    _require(file, instance)
    if lake and "://" not in settings.lake_data:
        _require(Path(settings.lake_data), instance)
    if lake and file.exists():
        uri = f"{file.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=1)) as catalog:
            catalog.execute("select 1 from sqlite_master limit 1")


def _require(path: Path, instance: dg.DagsterInstance) -> None:
    if path.exists():
        if not os.access(path, os.R_OK):
            raise StackError(str(path), found="no right to read it")
    elif _has_tables(instance):
        raise StackError(
            str(path), found="nothing there", expected="the warehouse, since tables were loaded"
        )


def _has_tables(instance: dg.DagsterInstance) -> bool:
    """Whether a raw table was ever loaded, and not wiped in the UI since.

    False if that can't be told: the run storage has a question of its own.
    """
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import AssetKeyTable

    assets = AssetKeyTable.c
    loaded = assets.last_materialization_timestamp
    query = sa.select(sa.literal(1)).where(
        assets.asset_key.like('["raw"%'),
        assets.last_materialization.is_not(None),
        sa.or_(assets.wipe_timestamp.is_(None), loaded > assets.wipe_timestamp),
    )
    try:
        _ask_run_storage(instance)  # a frozen one wouldn't answer the query in time
        with events_of(instance) as connection:
            return connection.execute(query.limit(1)).first() is not None
    except Exception:  # of any kind
        return False


def _ask_postgres(url: str) -> None:
    """Don't block, because a frozen server accepts connections and never answers."""
    import psycopg2

    until = time.monotonic() + ANSWER_S
    with closing(psycopg2.connect(url, async_=True)) as connection:
        _await(connection, until)
        cursor = connection.cursor()  # held until it has its answer
        cursor.execute("select 1")
        _await(connection, until)


def _await(connection: Any, until: float) -> None:
    from psycopg2.extensions import POLL_OK, POLL_READ

    while (wants := connection.poll()) != POLL_OK:
        event = select.POLLIN if wants == POLL_READ else select.POLLOUT
        poll = select.poll()
        poll.register(connection.fileno(), event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise StackError(f"Postgres gave no answer within {ANSWER_S:g} s")


def _ask_all(urls: Iterable[str]) -> None:
    for url in urls:
        ask(url)


class _Disks:
    """Asks the disks of folders, and misses a folder that was there before."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._seen: set[Path] = set()

    def __call__(self) -> None:
        for folder in self._folders:
            if folder.exists():
                self._seen.add(folder)
                _ask_disk(folder)
            elif folder in self._seen:
                raise StackError(
                    str(folder),
                    found="nothing there any more",
                    next_step="mount its disk again, or make the folder",
                )


def _ask_disk(folder: Path) -> None:
    found = os.statvfs(folder)
    if found.f_flag & os.ST_RDONLY:
        raise StackError(str(folder), found="a disk that can't be written to")
    free = found.f_bavail * found.f_frsize
    if free < FULL_BYTES:
        raise StackError(str(folder), found=f"a full disk: {free / 2**20:.0f} MiB are free")
    if found.f_files and not found.f_favail:
        raise StackError(str(folder), found="a disk that takes no more files")
