"""From a declared source to a dlt source that yields its rows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from ingestion.sources.declarations import Endpoint, RestSource, Source, SqlSource, Table, resolve

if TYPE_CHECKING:
    from dlt.extract import DltResource, DltSource


class Reading(Enum):
    """How much of a source is read, and what becomes of the rows that are there."""

    NEW = "what is new since the last load, merged"
    AGAIN = "everything, merged"
    REPLACE = "everything, in the place of what is there"


def build(source: Source, variables: Mapping[str, str], reading: Reading) -> DltSource:
    """The dlt source, with secrets put in."""
    if isinstance(source, RestSource):
        return _rest(source, variables, reading)
    return _sql(source, variables, reading)


def table_name(source: Source, table: str) -> str:
    """Name within the raw schema, such as `crm_contacts`."""
    return f"{source.name}_{table}"


def _rest(source: RestSource, variables: Mapping[str, str], reading: Reading) -> DltSource:
    from dlt.sources.rest_api import rest_api_source

    client = {
        "base_url": resolve(source, source.base_url, variables),
        "headers": resolve(source, source.headers, variables),
        "auth": resolve(source, source.auth, variables),
        "paginator": source.paginator,
    }
    resources = [
        _resource(source, name, endpoint, variables, reading)
        for name, endpoint in source.tables.items()
    ]
    config: Any = {"client": _given(client), "resources": resources}
    # Lists within a row stay in it as JSON: a table a list would need a key of its own.
    return rest_api_source(config, name=source.name, max_table_nesting=0, parallelized=False)


def _resource(
    source: Source,
    name: str,
    endpoint: Endpoint,
    variables: Mapping[str, str],
    reading: Reading,
) -> dict[str, Any]:
    params = resolve(source, endpoint.params, variables)
    whole = reading is not Reading.NEW or endpoint.cursor is None
    if whole:
        params = {k: v for k, v in params.items() if "{incremental}" not in str(v)}
    else:
        params = {
            k: v.replace("{incremental}", "{incremental.start_value}") if isinstance(v, str) else v
            for k, v in params.items()
        }
    incremental = {"cursor_path": endpoint.cursor, "initial_value": endpoint.initial_value}
    return {
        "name": name,
        "table_name": table_name(source, name),
        "primary_key": list(endpoint.primary_key),
        "write_disposition": _disposition(endpoint, reading),
        "endpoint": _given(
            {
                "path": endpoint.path,
                "params": params,
                "paginator": endpoint.paginator,
                "data_selector": endpoint.data_selector,
                "incremental": None if whole else _given(incremental),
            }
        ),
    }


def _sql(source: SqlSource, variables: Mapping[str, str], reading: Reading) -> DltSource:
    import dlt
    from dlt.sources.sql_database import sql_table

    def resource(name: str) -> DltResource:
        table = source.tables[name]
        found: DltResource = sql_table(
            credentials=resolve(source, source.url, variables),
            table=table.name or name,
            schema=source.db_schema,
            chunk_size=source.chunk_rows,
            backend="pyarrow",
            defer_table_reflect=True,
            incremental=(
                None
                if reading is not Reading.NEW or table.cursor is None
                else dlt.sources.incremental(table.cursor, initial_value=table.initial_value)
            ),
        )
        found.apply_hints(
            table_name=table_name(source, name),
            primary_key=list(table.primary_key) or None,
            write_disposition=_disposition(table, reading),
        )
        return found.with_name(name)

    @dlt.source(name=source.name)
    def tables() -> list[DltResource]:
        return [resource(name) for name in source.tables]

    return tables()


def _disposition(table: Table, reading: Reading) -> Any:
    return "merge" if table.primary_key and reading is not Reading.REPLACE else "replace"


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {})}
