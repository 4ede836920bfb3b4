"""What a source's file declares; read when the location loads, without connecting to anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, model_validator

from stack import declarations
from stack.declarations import NAME, Declaration, load_named, references
from stack.freshness import FreshnessPolicy
from stack.raw import RawTable, raw_tables

# Schemas of the warehouse already hold tables of these sources.
TAKEN = frozenset({"files", *(table.source for table in raw_tables())})


class Table(Declaration):
    """What identifies a row, and which column says what is new.

    Without `cursor` the table is read whole each time. A row replaces the one with the same key;
    without `primary_key` the whole table is replaced. With `full_export`, rows that the source no
    longer has are marked in `_removed_at`; otherwise they stay as they are. `freshness` says how
    new it has to be: docs/freshness.md.
    """

    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    initial_value: Any = None
    description: str = ""
    full_export: bool = False
    freshness: FreshnessPolicy | None = None

    @model_validator(mode="after")
    def _merges(self) -> Table:
        if self.full_export and (self.cursor or not self.primary_key):
            raise ValueError("full_export needs a primary_key, and the whole table: no cursor")
        if self.cursor and not self.primary_key:
            raise ValueError("a cursor needs a primary_key, by which new rows replace old ones")
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
    base_url: str = Field(pattern=r"^(https?://|\$\{)")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    auth: dict[str, Any] | None = Field(None, repr=False)
    paginator: str | dict[str, Any] | None = None
    tables: dict[Annotated[str, Field(pattern=NAME)], Endpoint] = Field(min_length=1)

    def raw_tables(self) -> tuple[RawTable, ...]:
        """Its tables as entries of the registry; columns are unknown until rows are loaded."""
        return self._raw_tables(self.tables)


class SqlSource(_Source):
    """A SQL database at a SQLAlchemy URL, read in chunks of `chunk_rows`."""

    kind: Literal["sql_database"]
    url: str = Field(repr=False)
    db_schema: str | None = Field(None, alias="schema")
    chunk_rows: int = Field(50_000, ge=1)
    tables: dict[Annotated[str, Field(pattern=NAME)], SqlTable] = Field(min_length=1)

    def raw_tables(self) -> tuple[RawTable, ...]:
        """Its tables as entries of the registry; columns are unknown until rows are loaded."""
        return self._raw_tables(self.tables)


Source = RestSource | SqlSource


class _File(RootModel[Annotated[Source, Field(discriminator="kind")]]):
    @property
    def name(self) -> str:
        return self.root.name


def load_sources(folder: Path | None) -> tuple[Source, ...]:
    """The sources in a folder's `*.yml`, in the order of the files; none without a folder.

    Raises DeclarationError.
    """
    if folder is None:
        return ()
    return tuple(file.root for file in load_named(folder, _File, "DLT_SOURCES_DIR"))


def resolve(source: Source, value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with each `${NAME}` replaced. Raises DeclarationError if one isn't set."""
    return declarations.resolve(value, variables, str(source.file))


def secrets_of(source: Source, variables: Mapping[str, str]) -> set[str]:
    """Values of all variables that the file refers to."""
    names = references(source.file.read_text())
    return {variables[name] for name in names if variables.get(name)}
