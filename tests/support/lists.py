"""An API of lists with answers that a test writes as text, loaded as a source of the stack."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ingestion.loaders import Scope
from ingestion.sources.declarations import load_sources
from ingestion.sources.loader import SourcesLoader
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect
from support.http_server import Reply, Request
from support.reports import Told

RAW = "freelancer_raw"


@dataclass
class Lists:
    """Bodies by path; any other path is a 404."""

    bodies: dict[str, str] = field(default_factory=dict)

    def __call__(self, request: Request) -> Reply:
        name = request.path.strip("/").split("?")[0]
        if name not in self.bodies:
            return Reply(404, {"detail": "no such list"})
        return Reply(200, self.bodies[name].encode())


@dataclass
class Source:
    """A source's file in its own folder, and what its loads brought."""

    folder: Path
    name: str = "api"

    def declare(self, **document: Any) -> None:
        self.folder.mkdir(exist_ok=True)
        text = yaml.safe_dump({"name": self.name, **document})
        (self.folder / f"{self.name}.yml").write_text(text)

    def declare_api(self, url: str, *tables: str, **more: Any) -> None:
        """Declare lists whose key is `id`."""
        declared = {table: {"path": table, "primary_key": ["id"], **more} for table in tables}
        self.declare(kind="rest_api", base_url=url, tables=declared)

    def declare_sqlite(self, file: Path, script: str, **tables: dict[str, Any]) -> None:
        with sqlite3.connect(file) as database:
            database.executescript(script)
        self.declare(kind="sql_database", url=f"sqlite:///{file}", tables=tables)

    def load(self, **scope: Any) -> Told:
        return Told(SourcesLoader(load_sources(self.folder)).load(Scope(**scope)))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with connect(load_settings(WarehouseSettings)) as connection:
            return connection.execute(sql).fetchall()

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """Rows, ordered by their first column."""
        return self.query(f"select {columns} from {RAW}.{self.name}_{table} order by 1")

    def types(self, table: str) -> dict[str, str]:
        found = self.query(
            "select column_name, data_type from duckdb_columns() where schema_name = "
            f"'{RAW}' and table_name = '{self.name}_{table}' order by column_index"
        )
        return dict(found)
