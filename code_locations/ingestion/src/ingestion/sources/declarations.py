"""What a source's file declares; read when the location loads, without connecting to anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, RootModel, model_validator

from ingestion.sources.order import is_ordered
from stack import declarations
from stack.declarations import NAME, Declaration, DeclarationError, load_named, references
from stack.freshness import FreshnessPolicy
from stack.raw import RawTable, raw_tables

# Schemas of the warehouse already hold tables of these sources.
TAKEN = frozenset({"files", *(table.source for table in raw_tables())})


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _empty(value: Any) -> Any:
    return {} if value is None else value


def _iso(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _raw_name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise ValueError(
            f"found {name!r}, expected small letters, digits and _; it names the raw table, and "
            "what the source calls it goes below it, as `name` for a database or `path` for an API"
        )
    return name


_Named = Annotated[str, Field(min_length=1)]
RawName = Annotated[str, AfterValidator(_raw_name)]


class Table(Declaration):
    """What identifies a row, and which column says what is new.

    Without `cursor` the table is read whole each time. A row replaces the one with the same key;
    without `primary_key` the whole table is replaced. With `full_export`, rows that the source no
    longer has are marked in `_removed_at`; otherwise they stay as they are. `freshness` says how
    new it has to be: docs/freshness.md.
    """

    primary_key: Annotated[tuple[_Named, ...], BeforeValidator(_listed)] = ()
    cursor: _Named | None = None
    initial_value: datetime | date | int | float | str | None = None
    description: str = ""
    full_export: bool = False
    freshness: FreshnessPolicy | None = None

    @model_validator(mode="after")
    def _merges(self) -> Table:
        if self.full_export and (self.cursor or not self.primary_key):
            raise ValueError("full_export needs a primary_key, and the whole table: no cursor")
        if self.cursor and not self.primary_key:
            raise ValueError("a cursor needs a primary_key, by which new rows replace old ones")
        if self.initial_value is not None and not self.cursor:
            raise ValueError("initial_value needs a cursor, whose first value it is")
        if self.initial_value is not None and not is_ordered(_iso(self.initial_value)):
            raise ValueError(
                f"initial_value: nothing says which rows are later than {self.initial_value!r}; "
                "write a number, or a day or time in ISO 8601"
            )
        if len(set(self.primary_key)) < len(self.primary_key):
            raise ValueError("primary_key names a column twice; keep one of them")
        return self


class Endpoint(Table):
    """A list of an API. `params` may contain `{incremental}` for the cursor's last value.

    `paginator` and `data_selector` are dlt's, see
    https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
    """

    path: str
    params: dict[str, Any] = Field(default_factory=dict)
    paginator: str | dict[str, Any] | None = None
    data_selector: str | None = None

    @model_validator(mode="after")
    def _knows_what_is_new(self) -> Endpoint:
        if not self.cursor and "{incremental}" in str(self.params):
            raise ValueError("{incremental} in params needs a cursor, whose last value it becomes")
        return self


class SqlTable(Table):
    """A table or view of a database; `name` if it differs from the raw table's."""

    name: str | None = None


class _Source(Declaration):
    name: str = Field(pattern=NAME)
    description: str = ""
    owner: str = Field("team:analytics", pattern=r"^(team:\S+|[^@\s]+@[^@\s]+)$")
    file: Path

    @model_validator(mode="after")
    def _name_is_free(self) -> _Source:
        if self.name in TAKEN:
            raise ValueError(f"name: {self.name} is one of {', '.join(sorted(TAKEN))}; use another")
        return self

    def _raw_tables(self, tables: Mapping[str, Table]) -> tuple[RawTable, ...]:
        return tuple(
            RawTable(
                source=self.name,
                name=name,
                description=table.description or f"{name} of {self.description or self.name}.",
                primary_key=table.primary_key,
                full_export=table.full_export,
                freshness=table.freshness,
                owner=self.owner,
                loader="dlt_ingestion_pipeline",
            )
            for name, table in tables.items()
        )


class RestSource(_Source):
    """A REST API; `auth` and `paginator` as in dlt's REST client."""

    kind: Literal["rest_api"]
    base_url: str = Field(pattern=r"^((?i:https?)://|\$\{)")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    auth: dict[str, Any] | None = Field(None, repr=False)
    paginator: str | dict[str, Any] | None = None
    tables: dict[RawName, Endpoint] = Field(min_length=1)

    def raw_tables(self) -> tuple[RawTable, ...]:
        """Its tables as entries of the registry; columns are unknown until rows are loaded."""
        return self._raw_tables(self.tables)


class SqlSource(_Source):
    """A SQL database at a SQLAlchemy URL, read in chunks of `chunk_rows`."""

    kind: Literal["sql_database"]
    url: str = Field(repr=False)
    db_schema: str | None = Field(None, alias="schema")
    chunk_rows: int = Field(50_000, ge=1)
    tables: dict[RawName, Annotated[SqlTable, BeforeValidator(_empty)]] = Field(min_length=1)

    def raw_tables(self) -> tuple[RawTable, ...]:
        """Its tables as entries of the registry; columns are unknown until rows are loaded."""
        return self._raw_tables(self.tables)


Source = RestSource | SqlSource


class _File(RootModel[Annotated[Source, Field(discriminator="kind")]]):
    @property
    def name(self) -> str:
        return self.root.name


def load_sources(folder: Path | None) -> tuple[Source, ...]:
    """The sources in a folder's YAML files, in the order of the files; none without a folder.

    Raises DeclarationError.
    """
    if folder is None:
        return ()
    sources = tuple(file.root for file in load_named(folder, _File, "DLT_SOURCES_DIR"))
    taken = {table.table_name: "the stack itself" for table in raw_tables()}
    for source in sources:
        for table in source.raw_tables():
            if table.table_name in taken:
                raise DeclarationError(
                    f"{source.file}: its table {table.name} would be {table.table_name}, as that "
                    f"of {taken[table.table_name]}; give one of the two another name"
                )
            taken[table.table_name] = source.file.name
    return sources


def resolve(source: Source, value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with each `${NAME}` replaced. Raises DeclarationError if one isn't set."""
    return declarations.resolve(value, variables, str(source.file))


def secrets_of(source: Source, variables: Mapping[str, str]) -> set[str]:
    """Values of all variables that the file refers to."""
    names = references(source.file.read_text())
    return {variables[name] for name in names if variables.get(name)}
