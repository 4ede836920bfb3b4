"""A declared database and its table, or what is wrong with the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError

from ingestion.files.errors import UnreadableFileError
from ingestion.sources.declarations import SqlSource, resolve

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

_LIKE = "postgresql://user:password@host/database or sqlite:////folder/file.db"
_SHOWN = 20


def engine_of(source: SqlSource, variables: Mapping[str, str]) -> sa.Engine:
    """The database at the source's `url`, with secrets filled in; not yet connected.

    Raises UnreadableFileError if no driver can open it; its message has no part of a password.
    """
    text = str(resolve(source, source.url, variables))
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        raise UnreadableFileError(f"url isn't the address of a database, like {_LIKE}") from None
    if url.drivername == "postgres":  # as some hosts still write it
        url = url.set(drivername="postgresql")
    if url.get_backend_name() == "sqlite":
        _require_file(url)
    try:
        engine = sa.create_engine(url)
    except NoSuchModuleError:
        raise UnreadableFileError(
            f"url begins with {url.drivername}, of which no driver is installed; addresses are "
            f"like {_LIKE}"
        ) from None
    except ModuleNotFoundError as error:
        raise UnreadableFileError(
            f"the driver of {url.drivername} isn't installed: {error.name}; install it next to "
            "the stack"
        ) from None
    setattr(engine, "may_dispose_after_use", True)  # noqa: B010 dlt asks for it
    return engine


def _require_file(url: sa.URL) -> None:
    """SQLite would make an empty database of a file that isn't there."""
    if url.host or not url.database or url.database.startswith("file:"):
        return
    if not Path(url.database).is_file():
        relative = "" if url.database.startswith("/") else ", from the folder of the process"
        raise UnreadableFileError(
            f"there is no file {url.database}{relative}; a url with a full path has four slashes: "
            "sqlite:////folder/file.db"
        )


def table_of(engine: sa.Engine, name: str, schema: str | None, cursor: str | None) -> sa.Table:
    """The table or view as the database describes it. Raises UnreadableFileError."""
    try:
        table = sa.Table(name, sa.MetaData(schema=schema), autoload_with=engine, resolve_fks=False)
    except NoSuchTableError:
        raise UnreadableFileError(_absent(engine, name, schema)) from None
    if cursor is not None and cursor not in table.c:
        raise UnreadableFileError(
            f"it has no column {cursor}, the cursor; found are {', '.join(table.c.keys())}"
        )
    for column in table.columns:
        column.type = _base(column.type)
    return table


def _base(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type that a domain is made of."""
    while isinstance(kind, DOMAIN):
        kind = kind.data_type
    return kind


def _absent(engine: sa.Engine, name: str, schema: str | None) -> str:
    inspector = sa.inspect(engine)
    where = f"the schema {schema}" if schema else "the database"
    if schema and schema not in inspector.get_schema_names():
        return f"there is no schema {schema}; found are {_some(inspector.get_schema_names())}"
    found = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    return (
        f"{where} has no table or view {name}; found are {_some(found)}. If it is called "
        "differently there, declare that as its name"
    )


def _some(names: list[str]) -> str:
    left = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(sorted(names)[:_SHOWN]) + left if names else "none"
