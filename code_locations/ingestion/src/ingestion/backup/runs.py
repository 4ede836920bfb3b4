"""Dagster's database: runs, their events, states of schedules and sensors, cursors.

`RESTORING` and `RESTORED` are keys in it: the id of the backup that is being, or was, restored.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ingestion.backup import postgres, sqlite
from ingestion.backup.archive import File, Writer, require_below
from ingestion.backup.aside import is_in
from ingestion.backup.errors import BackupError, not_empty
from ingestion.backup.manifest import RunsKind
from stack.one_machine.home import RESTORING
from stack.retention.runs import FINISHED

RESTORED = "freelancer-data-stack/restored"
FOLDER = "runs"
RUNS_FILE = "history/runs.db"
TABLES = "tables"
CONFIGURATION = {"dagster.yaml", "workspace.yaml"}
# A living daemon sends a heartbeat every half minute.
ALIVE = timedelta(seconds=90)


@dataclass(frozen=True)
class RunStorage:
    """Where Dagster's database is: a server's `url`, or files below `root`."""

    root: Path
    url: str | None
    schema_revision: str

    @property
    def kind(self) -> RunsKind:
        """The kind of storage that a backup of it can be restored into."""
        return "postgresql" if self.url else "sqlite"


def run_storage(instance: dg.DagsterInstance) -> RunStorage:
    """The run storage of an instance. Raises BackupError for an unknown kind of database."""
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        dialect = connection.dialect.name
    if dialect not in {"sqlite", "postgresql"}:
        raise BackupError("Dagster's database", found=dialect, expected="SQLite or Postgres")
    url = str(storage.postgres_url) if dialect == "postgresql" else None
    return RunStorage(Path(instance.root_directory), url, storage.alembic_version()[0] or "")


def save(storage: RunStorage, writer: Writer, scratch: Path) -> None:
    """Add the database, and the local output of runs.

    States and cursors come before what they refer to.
    """
    if storage.url:
        with postgres.opened(storage.url) as connection, postgres.snapshot(connection):
            postgres.dump(connection, "public", writer, f"{FOLDER}/{TABLES}")
    for path in sorted(_files(storage.root), key=lambda path: ("schedules" not in path, path)):
        file, name = storage.root / path, f"{FOLDER}/{path}"
        with suppress(FileNotFoundError):  # its run has just been deleted
            if file.suffix == ".db":
                with sqlite.copied(file, scratch) as copy:
                    writer.add(name, copy)
            else:
                with file.open("rb") as source:
                    writer.add(name, source, mtime=file.stat().st_mtime)


def _files(root: Path) -> list[str]:
    """Databases and output of runs; SQLite's logs are part of the copies."""
    logs = (".db-wal", ".db-shm", ".db-journal")
    found = (file for file in root.rglob("*") if file.is_file() and not file.name.endswith(logs))
    return [str(path) for f in found if str(path := f.relative_to(root)) not in CONFIGURATION]


def require_idle(instance: dg.DagsterInstance) -> None:
    """Raise BackupError if a daemon is alive."""
    for heartbeat in instance.run_storage.get_daemon_heartbeats().values():
        if datetime.now(UTC).timestamp() - heartbeat.timestamp < ALIVE.total_seconds():
            raise BackupError(
                "the daemon of this stack runs",
                next_step="end it (`make dev`, `stack service uninstall`, or the daemon's "
                "Deployment), wait a minute and a half, and try again",
            )


def require_empty(instance: dg.DagsterInstance, aside: Path | None) -> None:
    """Raise BackupError if there are runs, unless they are files in `aside`."""
    storage = run_storage(instance)
    if aside and not storage.url and is_in(storage.root, aside):
        return
    if count := instance.get_runs_count():
        raise not_empty("Dagster's database", f"{count} runs")


def note(instance: dg.DagsterInstance, key: str) -> str | None:
    """The backup's id stored under `key`."""
    return instance.run_storage.get_cursor_values({key}).get(key) or None


def set_note(instance: dg.DagsterInstance, key: str, backup: str) -> None:
    """Store a backup's id under `key`."""
    instance.run_storage.set_cursor_values({key: backup})


def clear_note(instance: dg.DagsterInstance, key: str) -> None:
    """Delete what is stored under `key`."""
    instance.run_storage.set_cursor_values({key: ""})


class Restoring(ExitStack):
    """Puts a saved database into `storage`, whose own instance is closed if it uses files.

    Nothing of it is visible until `finish`; then all is, with the key that says it is being
    restored.
    """

    def __init__(self, storage: RunStorage) -> None:
        super().__init__()
        self._storage = storage
        self._loading: postgres.Loading | None = None
        self._staged = storage.root / f"{RUNS_FILE}.restoring"

    def put(self, file: File) -> None:
        """Take a file of the backup; its name is without the part's."""
        if file.name.startswith(f"{TABLES}/"):
            if self._loading is None:
                connection = self.enter_context(postgres.opened(str(self._storage.url)))
                self._loading = postgres.Loading(connection, "public")
            self._loading.take(file.name.removeprefix(f"{TABLES}/"), file.content)
            return
        require_below(file)
        target = self._staged if file.name == RUNS_FILE else self._storage.root / file.name
        if target.suffix == ".db":
            sqlite.remove(target)
        file.write_to(target)

    def finish(self, backup: str) -> None:
        """Make it visible."""
        statements = [
            "delete from daemon_heartbeats",  # of another machine's daemon
            f"delete from kvs where key in ('{RESTORING}', '{RESTORED}')",
            f"insert into kvs (key, value) values ('{RESTORING}', '{backup}')",
        ]
        if self._loading is not None:
            for statement in statements:
                self._loading.execute(statement)
            self._loading.commit()
        elif self._staged.exists():
            with closing(sqlite3.connect(self._staged)) as connection, connection:
                for statement in statements:
                    connection.execute(statement)
            target = self._storage.root / RUNS_FILE
            sqlite.remove(target)
            self._staged.replace(target)


def end_runs(instance: dg.DagsterInstance) -> int:
    """Mark running and queued runs as canceled; return how many there were."""
    unfinished = [status for status in dg.DagsterRunStatus if status not in FINISHED]
    runs = instance.get_runs(dg.RunsFilter(statuses=unfinished))
    for run in runs:
        instance.report_run_canceled(
            run, "This run was not finished when the backup was made that was restored here."
        )
    return len(runs)
