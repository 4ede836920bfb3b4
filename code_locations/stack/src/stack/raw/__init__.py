"""The raw tables: the contract between what is loaded and what is modelled.

Declared in `<source>.yml` beside this file. Ingestion loads them, transformation reads them (one
that nothing has loaded is an empty table), quality and catalog describe them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from stack.declarations import Declaration, DeclarationError, load_declaration
from stack.freshness import FreshnessPolicy


class Column(Declaration):
    """A column: its DuckDB type in lower case, such as `decimal(18,2)`, and what it means."""

    name: str
    type: str
    description: str = ""


class RawTable(Declaration):
    """A table of the raw schema, `<source>_<name>`; `loader` is the asset that loads it.

    With `full_export` each file holds every row, and rows missing from the newest one are marked in
    `_removed_at`. `freshness` is how new the table has to be. `platform` is the kind of system that
    it comes from, as DataHub names it: file, airbyte, postgres. A table that isn't declared here
    may have no `columns`: the warehouse knows them.
    """

    source: str
    name: str
    description: str = ""
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    event_date: str | None = None
    full_export: bool = False
    freshness: FreshnessPolicy | None = None
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


class _Table(Declaration):
    """A table as its file says it; a column is `<DuckDB type>: <meaning>`."""

    description: str = ""
    primary_key: tuple[str, ...] = ()
    event_date: str | None = None
    full_export: bool = False
    freshness: FreshnessPolicy | None = None
    columns: dict[str, Annotated[str, Field(pattern=r"^[^:]+: .")]]


class _Source(Declaration):
    """A file: its own tables, or those of the source named in `like`.

    `freshness` applies to each table that declares none of its own.
    """

    source: str
    owner: str
    loader: str
    platform: str = "external"
    like: str | None = None
    description: str = "{table}"
    freshness: FreshnessPolicy | None = None
    tables: dict[str, _Table] = Field(default_factory=dict)


@cache
def _all() -> tuple[RawTable, ...]:
    files = sorted(Path(__file__).parent.glob("*.yml"))
    sources = [_checked(load_declaration(file, _Source), file) for file in files]
    declared = {source.source: source.tables for source in sources}
    return tuple(table for source in sources for table in _tables(source, declared))


def _checked(source: _Source, file: Path) -> _Source:
    for name, table in source.tables.items():
        column = table.freshness.newest if table.freshness else None
        if column and not table.columns.get(column, "").startswith(("date:", "timestamp")):
            raise DeclarationError(
                f"{file}: tables.{name}.freshness.newest",
                found=column,
                expected="a column of the table with type date, timestamp or timestamptz",
            )
    return source


def _tables(source: _Source, declared: dict[str, dict[str, _Table]]) -> Iterator[RawTable]:
    like = source.like is not None
    for name, table in (declared[source.like] if source.like else source.tables).items():
        yield RawTable(
            source=source.source,
            name=name,
            description=source.description.format(table=name) if like else table.description,
            columns=tuple(
                Column(name=column, type=type_, description=description)
                for column, spec in table.columns.items()
                for type_, description in [spec.split(": ", 1)]
            ),
            primary_key=table.primary_key,
            event_date=None if like else table.event_date,
            full_export=table.full_export and not like,
            freshness=source.freshness if like else table.freshness or source.freshness,
            owner=source.owner,
            loader=source.loader,
            platform=source.platform,
        )
