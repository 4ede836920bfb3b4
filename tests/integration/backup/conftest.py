"""Stacks of every kind with some content, and empty ones of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ingestion.backup.making import Made, make
from ingestion.backup.place import place
from ingestion.backup.restoring import Restored, restore
from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.one_machine.home import open_instance, while_restoring
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.storage import files_below, filesystem
from stack.warehouse import connect
from support.homes import set_home
from support.servers import new_database

KINDS = ("machine", "lake", "servers")


@dataclass
class Stack:
    """A stack with a home and variables of its own; `open` makes it that of this process."""

    home: Path
    patch: pytest.MonkeyPatch
    variables: dict[str, str] = field(default_factory=dict)

    def open(self) -> Stack:
        set_home(self.patch, self.home, **self.variables)
        return self

    def instance(self) -> Any:
        self.open()
        return open_instance(load_settings(StackSettings))

    def fill(self) -> Stack:
        """Rows, runs with their output, states, and files of every kind."""
        self.open()
        with connect() as connection:
            connection.execute("create schema marts")
            connection.execute("create table marts.cash (day integer, euros integer)")
            connection.execute("insert into marts.cash from range(1000) as d(d) select d, 10 * d")
            connection.execute("delete from marts.cash where day >= 900")
            connection.execute("create table marts.cash_in as from marts.cash")
        with self.instance() as instance:
            dg.materialize([table], instance=instance)
            instance.daemon_cursor_storage.set_cursor_values({"a sensor": "17"})
            write_alert(load_settings(StackSettings).alerts, ALERT)
            ArtifactStore(load_settings(StackSettings).artifacts).put("run", "a.json", b"{}")
        self.write("incoming/new.csv", b"a,b\n1,2\n")
        self.write("incoming/processed/2026/old.csv", b"a,b\n0,0\n")
        self.write("quarantine/bad.csv", b"\x00\xff")
        self.write("exports/books/clients.csv", b"id\n1\n")
        return self

    def url(self, name: str) -> str:
        base = self.variables.get("BASE", str(self.home))
        return f"{base}/{name}"

    def write(self, name: str, content: bytes) -> None:
        fs, path = filesystem(self.url(name))
        fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(path, content)

    def contents(self) -> dict[str, Any]:
        """All that counts, to be compared."""
        found: dict[str, Any] = {}
        for name in ("incoming", "quarantine", "exports", "alerts", "artifacts"):
            fs, root = filesystem(self.open().url(name))
            for path, info in files_below(fs, root):
                kept = info.get("mtime") if "file" in fs.protocol else None
                found[f"{name}/{path}"] = (fs.cat_file(f"{root}/{path}"), kept)
        with connect(read_only=True) as connection:
            for of in ("marts.cash", "marts.cash_in"):
                found[of] = connection.execute(f"from {of} order by all").fetchall()
        with self.instance() as instance:
            found["runs"] = {run.run_id: (run.status, run.job_name) for run in instance.get_runs()}
            for run_id in found["runs"]:
                events = instance.all_logs(run_id)
                found[run_id] = [(e.timestamp, e.message) for e in events]
                keys = instance.compute_log_manager.get_log_keys_for_log_key_prefix(
                    [run_id, "compute_logs"], io_type=IO
                )
                manager = instance.compute_log_manager
                found[f"output of {run_id}"] = [
                    manager.get_log_data(key).stdout for key in sorted(keys)
                ]
            found["latest"] = instance.get_latest_materialization_event(table.key).timestamp
            found["cursor"] = instance.daemon_cursor_storage.get_cursor_values({"a sensor"})
        return found

    def backup(self, where: Path | str) -> Made:
        with self.instance() as instance:
            return make(instance, place(str(where)), print)

    def restore(self, source: Path | str, *, replace: bool = False) -> Restored:
        self.open()
        with while_restoring():
            found = place(str(source))
            found = found.newest() if found.is_folder else found
            key = self.variables.get("BACKUP_IDENTITY")
            return restore(found, key, self.instance, print, replace=replace)

    def settings(self) -> WarehouseSettings:
        self.open()
        return load_settings(WarehouseSettings)


IO = dg._core.storage.compute_log_manager.ComputeIOType.STDOUT
ALERT = Alert(type="dbt_test_failure", severity="error", description="2 rows", source="dbt")


@dg.asset(name="cash_in")
def table() -> None:
    print("some output")  # noqa: T201


New = Callable[..., Stack]


@pytest.fixture
def new(tmp_path, monkeypatch, request) -> Iterator[New]:
    """Makes an empty stack of a kind."""
    monkeypatch.setenv("DAGSTER_HOME", "/nonexistent")  # what is set in a test is unset after it

    def make_one(kind: str = "machine", **variables: str) -> Stack:
        name = f"stack{len(list(tmp_path.iterdir()))}"
        home = tmp_path / name
        home.mkdir()
        if kind != "machine":
            variables["DLT_DESTINATION"] = "ducklake"
        if kind == "servers":
            postgres, s3 = (request.getfixturevalue(f) for f in ("postgres_url", "s3"))
            base = f"s3://{s3.bucket}/{tmp_path.name}/{name}"
            variables |= s3.environment() | {
                "BASE": base,
                "DAGSTER_POSTGRES_URL": new_database(postgres),
                "DUCKLAKE_CATALOG_URL": new_database(postgres),
                "DUCKLAKE_DATA_URL": f"{base}/lake",
                "INCOMING_URL": f"{base}/incoming",
                "QUARANTINE_URL": f"{base}/quarantine",
                "BOOKS_URL": f"{base}/exports/books",
                "ALERTS_URL": f"{base}/alerts",
                "ARTIFACTS_URL": f"{base}/artifacts",
            }
        return Stack(home, monkeypatch, variables)

    return make_one
