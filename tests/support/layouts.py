"""Samples of export layouts, and what the stack makes of one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import yaml

from ingestion.files.conform import Destination
from ingestion.files.reading import Parsed, finish, stage
from ingestion.files.rules import NOTHING_DECLARED
from ingestion.incoming.tables import raw_table_of
from ingestion.layouts import Layout, recognise
from ingestion.layouts.feeding import feed
from stack.raw import raw_tables

SAMPLES = Path(__file__).parents[1] / "unit" / "ingestion" / "layouts" / "samples"
WRITTEN_AT = datetime(2026, 11, 1, 12, 0)  # noqa: DTZ001 UTC without a zone, as raw tables have it
BOOKS = {table.name: {column.name for column in table.columns} for table in raw_tables("books")}


def sample_of(name: str) -> Path | None:
    """The sample of a layout, a file of any kind."""
    found = [f for f in SAMPLES.glob(f"{name}.*") if not f.name.endswith(".expected.yml")]
    return found[0] if len(found) == 1 else None


def expected_of(name: str) -> dict[str, Any]:
    """What a sample should give, from the file beside it."""
    expected: dict[str, Any] = yaml.safe_load((SAMPLES / f"{name}.expected.yml").read_text())
    return expected


@dataclass
class ReadSample:
    """A sample on its way through the reader, under a meaningless name."""

    sample: Path
    folder: Path

    def __post_init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        file = self.folder / f"download (3){self.sample.suffix}"
        shutil.copy(self.sample, file)
        self.staged = stage(file, NOTHING_DECLARED, lambda names: recognise(names) is not None)
        self.names = self.staged.records.names if self.staged.records else ()

    @property
    def layout(self) -> Layout:
        found = recognise(self.names)
        assert found is not None, f"no layout has {self.names}"
        return found

    @cached_property
    def parsed(self) -> Parsed:
        layout = self.layout
        table = raw_table_of(f"files_{layout.name}", {}, layout.primary_key)
        rules = layout.rules_for(self.names)
        target = self.folder / "rows.parquet"
        return finish(self.connection, self.staged, Destination(table, {}, target, rules=rules))

    @cached_property
    def fed(self) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
        """Rows by table of the books, and why a table gets none."""
        fed, failed = feed(self.connection, self.layout, self.parsed.path, WRITTEN_AT)
        return {f.table.name: self.query(f"from read_parquet('{f.path}')") for f in fed}, failed

    def query(self, sql: str) -> list[dict[str, Any]]:
        found = self.connection.execute(sql)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def observed(self) -> dict[str, Any]:
        """What an expectation states: counts, types, sums, first and last day, and fed rows."""
        source = f"from read_parquet('{self.parsed.path}')"
        types = {row["column_name"]: row["column_type"] for row in self.query(f"describe {source}")}
        numbers = [name for name, type_ in types.items() if type_.startswith("DECIMAL")]
        days = [name for name, t in types.items() if t.startswith(("DATE", "TIMESTAMP"))]
        picked = [f'sum("{name}") as "{name}"' for name in numbers]
        sums = self.query(f"select {', '.join(picked)} {source}")[0] if picked else {}
        spans = {
            name: [str(day) for day in row.values()]
            for name in days
            for row in self.query(f'select min("{name}") as a, max("{name}") as z {source}')
        }
        fed, failed = self.fed
        rules = self.layout.rules_for(self.names)
        carried = {
            name: [
                row["v"] for row in self.query(f'select distinct "{name}" as v {source} order by 1')
            ]
            for name in (*rules.preamble, *rules.constants)
        }
        return {
            "rows": self.parsed.rows,
            "left out": sum(row.expected for row in self.parsed.aside),
            "set aside": sum(not row.expected for row in self.parsed.aside),
            "types": {name: type_ for name, type_ in types.items() if type_ != "VARCHAR"},
            "sums": {name: str(value) for name, value in sums.items()},
            "days": spans,
            "carried": carried,
            "told": [*self.parsed.breaks, *failed],
            "feeds": {name: sorted(map(shown, rows)) for name, rows in fed.items()},
        }


def shown(row: dict[str, Any]) -> str:
    """A fed row in one line, without its keys, which are hashes."""
    cells = {k: v for k, v in row.items() if v is not None and not k.endswith("_id")}
    return ", ".join(f"{k}={v}" for k, v in cells.items() if k != "updated_at")
