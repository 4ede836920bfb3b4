"""The raw tables: the contract between what is loaded and what is modelled.

Declared in `<source>.yml` beside this file. Ingestion loads into them, transformation
reads them (an undelivered one is an empty table), quality and catalog describe them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from stack.declarations import load_yaml


@dataclass(frozen=True)
class Column:
    """A column: its DuckDB type in lower case, such as `decimal(18,2)`, and what it means."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class RawTable:
    """A table of the raw schema, `<source>_<name>`."""

    source: str
    name: str
    description: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    event_date: str | None
    owner: str
    # The asset that loads it; the catalog says so.
    loader: str | None = None

    @property
    def table_name(self) -> str:
        """Name within the raw schema, such as `books_invoices`."""
        return f"{self.source}_{self.name}"

    @property
    def asset_path(self) -> tuple[str, str]:
        """Path of the table's Dagster asset key."""
        return ("raw", self.table_name)


def raw_tables(source: str | None = None) -> tuple[RawTable, ...]:
    """All declared raw tables, or those of one source, in the order of their declaration."""
    return tuple(t for t in _all() if source in (None, t.source))


def raw_table(source: str, name: str) -> RawTable:
    """One declared table. Raises KeyError with the names that exist."""
    for table in raw_tables(source):
        if table.name == name:
            return table
    known = ", ".join(f"{t.source}.{t.name}" for t in _all())
    raise KeyError(f"no raw table {source}.{name}; declared are {known}")


@cache
def _all() -> tuple[RawTable, ...]:
    files = sorted(
        (f for f in resources.files(__name__).iterdir() if f.name.endswith(".yml")),
        key=lambda f: f.name,
    )
    return tuple(table for file in files for table in _parse(load_yaml(file.read_text())))


def _parse(document: dict[str, Any]) -> list[RawTable]:
    return [
        RawTable(
            source=document["source"],
            name=name,
            description=table["description"],
            columns=tuple(
                Column(column, *spec.split(": ", 1)) for column, spec in table["columns"].items()
            ),
            primary_key=tuple(table["primary_key"]),
            event_date=table.get("event_date"),
            owner=document["owner"],
            loader=document["loader"],
        )
        for name, table in document["tables"].items()
    ]
