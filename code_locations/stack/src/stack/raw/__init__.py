"""The raw tables: the contract between what is loaded and what is modelled.

Declared in `<source>.yml` beside this file. Ingestion loads into them, transformation
reads them (an undelivered one is an empty table), quality and catalog describe them.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict

from stack.declarations import load_yaml


class Column(BaseModel):
    """A column: its DuckDB type in lower case, such as `decimal(18,2)`, and what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: str
    description: str = ""


class RawTable(BaseModel):
    """A table of the raw schema, `<source>_<name>`; `loader` is the asset that loads it.

    With `full_export` each of its files has all rows that there are, and those that the newest
    lacks are marked in `_removed_at`. `platform` is what kind of system it comes from, as DataHub
    names it: file, airbyte, postgres. Of a table that isn't declared here, `columns` may be empty:
    the warehouse knows them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    name: str
    description: str = ""
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    event_date: str | None = None
    full_export: bool = False
    owner: str = "team:analytics"
    loader: str | None = None
    platform: str = "external"

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
    documents = [load_yaml(file.read_text()) for file in files]
    declared = {document["source"]: document.get("tables", {}) for document in documents}
    return tuple(table for document in documents for table in _parse(document, declared))


def _parse(document: dict[str, Any], declared: dict[str, Any]) -> list[RawTable]:
    """The tables of a document; all of another source's are `like` that source's."""
    like = document.get("like")
    tables = {
        name: {**table, "description": document["description"].format(table=name)}
        for name, table in (declared[like].items() if like else ())
    } or document["tables"]
    return [
        RawTable(
            source=document["source"],
            name=name,
            description=table["description"],
            columns=tuple(
                Column(name=column, type=type_, description=description)
                for column, spec in table["columns"].items()
                for type_, description in [spec.split(": ", 1)]
            ),
            primary_key=tuple(table["primary_key"]),
            event_date=None if like else table.get("event_date"),
            full_export=False if like else table.get("full_export", False),
            owner=document["owner"],
            loader=document["loader"],
            platform=document.get("platform", "external"),
        )
        for name, table in tables.items()
    ]
