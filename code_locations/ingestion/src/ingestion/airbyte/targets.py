"""From a connection and its source's streams to tables, and to the catalog for `read`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingestion.airbyte.columns import column_name, identifier, says_a_type, type_of_schema, wider
from ingestion.airbyte.connection import Connection, Stream
from ingestion.airbyte.conversion import is_convertible
from stack.errors import StackError
from stack.raw import Column, RawTable


class StreamUnavailableError(StackError):
    """The source doesn't offer a stream as the connection needs it."""


@dataclass(frozen=True)
class Target:
    """A stream's way into its table.

    `fields` maps its fields to columns, `known` those that earlier syncs had. `later_types` has the
    types of columns beyond the declaration, which the table has in the warehouse or the source
    announces.
    """

    stream: str
    declared: Stream
    table: RawTable
    fields: dict[str, str]
    later_types: dict[str, str]
    configured: dict[str, Any]
    known: dict[str, str]

    @property
    def incremental(self) -> bool:
        """Whether only what is new is read."""
        return self.declared.sync_mode == "incremental"


def build_targets(
    connection: Connection,
    available: Sequence[dict[str, Any]],
    present: Mapping[str, dict[str, str]],
    known: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[dict[str, Target], dict[str, str]]:
    """The targets by stream, for streams that the source has `available`, and why others have none.

    `present` are the columns of each stream's table in the warehouse, with their types, and `known`
    says for which of its fields each was made.
    """
    targets, unavailable = {}, {}
    for name in connection.streams:
        try:
            targets[name] = build_target(
                connection, name, available, present.get(name, {}), (known or {}).get(name, {})
            )
        except StreamUnavailableError as error:
            unavailable[name] = str(error)
    return targets, unavailable


def build_target(
    connection: Connection,
    name: str,
    available: Sequence[dict[str, Any]],
    present: Mapping[str, str],
    known: Mapping[str, str] | None = None,
) -> Target:
    """The target of one stream. Raises StreamUnavailableError."""
    known = known if known and present else {}
    stream = connection.streams[name]
    found = _find(f"{connection.file}: stream {name}", name, stream.namespace, available)
    target = _target(connection, name, stream, found, known)
    table = target.table
    if connection.declared_table(name) is None:
        columns = tuple(_as_present(column, present) for column in table.columns)
        table = table.model_copy(update={"columns": columns})
    later_types = {**target.later_types, **present}
    return replace(target, table=table, later_types=later_types)


def _as_present(column: Column, present: Mapping[str, str]) -> Column:
    """The column with a type that holds what the warehouse has and what the source announces.

    Otherwise a source's 1.5 would be rounded on its way into a column that began as an integer.
    """
    type_ = present.get(column.name, column.type)
    if is_convertible(type_):
        type_ = wider(type_, column.type)
    return column.model_copy(update={"type": type_}) if is_convertible(type_) else column


def _find(
    where: str, name: str, namespace: str | None, available: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    named = [stream for stream in available if stream["name"] == name]
    found = [s for s in named if namespace is None or s.get("namespace") == namespace]
    if len(found) == 1:
        return found[0]
    if named:
        spaces = ", ".join(sorted(str(stream.get("namespace")) for stream in named))
        raise StreamUnavailableError(
            f"{where} is in the namespaces {spaces} of the source, and the connection says "
            f"{namespace or 'none'}; give the stream one of these as its namespace"
        )
    names = ", ".join(sorted(stream["name"] for stream in available))
    raise StreamUnavailableError(f"{where} is not in the source; it has {names}")


def _target(
    connection: Connection,
    name: str,
    stream: Stream,
    found: dict[str, Any],
    known: Mapping[str, str],
) -> Target:
    where = f"{connection.file}: stream {name}"
    modes = found.get("supported_sync_modes") or ["full_refresh"]
    if stream.sync_mode not in modes:
        raise StreamUnavailableError(
            f"{where} can't be read as {stream.sync_mode}; it supports {', '.join(modes)}"
        )
    key = _primary_key(where, stream, found)
    table = connection.declared_table(name)
    later_types: dict[str, str] = {}
    if table is None:
        table, fields = _discovered_table(connection, name, found, key, known)
    else:
        fields = {column.name: column.name for column in table.columns}
        key = table.primary_key
        later_types = {
            identifier(field): type_of_schema(property_)
            for field, property_ in _properties(found).items()
            if field not in fields and says_a_type(property_)
        }
    destination = "append_dedup" if key else "append"
    configured: dict[str, Any] = {
        "stream": found,
        "sync_mode": stream.sync_mode,
        "destination_sync_mode": destination if stream.sync_mode == "incremental" else "overwrite",
        "primary_key": [[field] for field in key],
    }
    cursor = list(stream.cursor_field or found.get("default_cursor_field") or ())
    if stream.sync_mode == "incremental":
        if not cursor and not found.get("source_defined_cursor"):
            raise StreamUnavailableError(f"{where} needs a cursor_field to be read incrementally")
        configured["cursor_field"] = cursor
    return Target(name, stream, table, fields, later_types, configured, dict(known))


def _properties(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the source says about the fields; empty if its schema is unusable."""
    schema = found.get("json_schema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return dict(properties) if isinstance(properties, Mapping) else {}


def _primary_key(where: str, stream: Stream, found: Mapping[str, Any]) -> tuple[str, ...]:
    if stream.primary_key:
        return stream.primary_key
    paths = found.get("source_defined_primary_key") or []
    if any(len(path) != 1 for path in paths):
        raise StreamUnavailableError(
            f"{where} has a nested primary key {paths}; name top-level fields as its primary_key"
        )
    return tuple(path[0] for path in paths)


def _discovered_table(
    connection: Connection,
    name: str,
    found: Mapping[str, Any],
    key: tuple[str, ...],
    known: Mapping[str, str],
) -> tuple[RawTable, dict[str, str]]:
    fields: dict[str, str] = {}
    columns = []
    properties = _properties(found)
    for field, property_ in properties.items():
        if not says_a_type(property_):
            continue  # its values will give the type
        column = known.get(field) or column_name(field, [*fields.values(), *known.values()])
        fields[field] = column
        meaning = str(property_.get("description") or f"{field}, as the source delivers it.")
        columns.append(Column(name=column, type=type_of_schema(property_), description=meaning))
    unknown = [field for field in key if field not in properties]
    if unknown and properties:
        raise StreamUnavailableError(
            f"{connection.file}: stream {name} has no field {', '.join(unknown)} for its "
            f"primary key; it has {', '.join(properties)}"
        )
    table = RawTable(
        source=connection.name,
        name=connection.table_of(name),
        description=f"Stream {name} of {connection.name}.",
        columns=tuple(columns),
        primary_key=tuple(fields.get(field) or identifier(field) for field in key),
        owner=f"team:{connection.name}",
        loader="airbyte_sync_job",
        platform="airbyte",
    )
    return table, fields
