"""What a source's file declares; read when the location loads, without any connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stack.declarations import load_yaml
from stack.errors import StackError
from stack.raw import RawTable, raw_tables

NAME = r"^[a-z][a-z0-9_]*$"
# Schemas of the warehouse hold tables of these sources already.
TAKEN = frozenset({"files", *(table.source for table in raw_tables())})
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class SourceFileError(StackError):
    """A source's file can't be used; the message names file and field."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Table(_Declared):
    """What identifies a row, and which column tells what is new.

    Without `cursor` the table is read whole each time. A row whose key is there already
    replaces it; without `primary_key` the table is replaced as a whole. With `full_export` the
    rows that the source no longer has are marked in `_removed_at`; without, they stay as they are.
    """

    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    initial_value: Any = None
    description: str = ""
    full_export: bool = False

    @model_validator(mode="after")
    def _merges(self) -> Table:
        if self.full_export and (self.cursor or not self.primary_key):
            raise ValueError("full_export needs a primary_key, and the whole table: no cursor")
        if self.cursor and not self.primary_key:
            raise ValueError("a cursor needs a primary_key, by which new rows replace old ones")
        return self


class Endpoint(Table):
    """A list of an API. `params` may hold `{incremental}` where the cursor's last value goes.

    `paginator` and `data_selector` are dlt's, see
    https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
    """

    path: str
    params: dict[str, Any] = Field(default_factory=dict)
    paginator: str | dict[str, Any] | None = None
    data_selector: str | None = None


class SqlTable(Table):
    """A table or view of a database; `name` where it differs from the raw table's."""

    name: str | None = None


class _Source(_Declared):
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
                owner=self.owner,
                loader="dlt_ingestion_pipeline",
            )
            for name, table in tables.items()
        )


class RestSource(_Source):
    """A REST API: `auth` and `paginator` as dlt's REST client takes them."""

    kind: Literal["rest_api"]
    base_url: str = Field(pattern=r"^(https?://|\$\{)")
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    auth: dict[str, Any] | None = Field(None, repr=False)
    paginator: str | dict[str, Any] | None = None
    tables: dict[Annotated[str, Field(pattern=NAME)], Endpoint] = Field(min_length=1)

    def raw_tables(self) -> tuple[RawTable, ...]:
        """Its tables as entries of the registry; their columns are known once rows came."""
        return self._raw_tables(self.tables)


class SqlSource(_Source):
    """A SQL database at a SQLAlchemy URL, read in chunks of `chunk_rows`."""

    kind: Literal["sql_database"]
    url: str = Field(repr=False)
    db_schema: str | None = Field(None, alias="schema")
    chunk_rows: int = Field(50_000, ge=1)
    tables: dict[Annotated[str, Field(pattern=NAME)], SqlTable] = Field(min_length=1)

    def raw_tables(self) -> tuple[RawTable, ...]:
        """As those of an API."""
        return self._raw_tables(self.tables)


Source = RestSource | SqlSource


class _File(BaseModel):
    source: Source = Field(discriminator="kind")


def load_sources(folder: Path | None) -> tuple[Source, ...]:
    """The sources of a folder's `*.yml`, in the order of their files; none without a folder.

    Raises SourceFileError.
    """
    if folder is None:
        return ()
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise SourceFileError(f"{folder}: no *.yml in the folder of DLT_SOURCES_DIR")
    sources = tuple(_load(file) for file in files)
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise SourceFileError(f"{folder}: two sources have one name, found {', '.join(names)}")
    return sources


def resolve(source: Source, value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with each `${NAME}` replaced. Raises SourceFileError for one that isn't set."""
    if isinstance(value, dict):
        return {k: resolve(source, v, variables) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(source, v, variables) for v in value]
    if not isinstance(value, str):
        return value
    missing = sorted({n for n in _REFERENCE.findall(value) if not variables.get(n)})
    if missing:
        raise SourceFileError(
            f"{source.file}: {', '.join(missing)} is not set; set it in the environment or .env"
        )
    return _REFERENCE.sub(lambda match: variables[match[1]], value)


def secrets_of(source: Source, variables: Mapping[str, str]) -> set[str]:
    """Values of every variable that the file refers to."""
    names = set(_REFERENCE.findall(source.file.read_text()))
    return {variables[name] for name in names if variables.get(name)}


def _load(file: Path) -> Source:
    try:
        document = load_yaml(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise SourceFileError(f"{file}: can't be read as YAML: {reason}") from None
    if not isinstance(document, dict):
        raise SourceFileError(f"{file}: found a {type(document).__name__}, expected a mapping")
    try:
        return _File.model_validate({"source": {**document, "file": file.absolute()}}).source
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc'][2:]) or 'kind'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise SourceFileError(f"{file}: {problems}") from None
