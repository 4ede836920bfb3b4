"""What a query asks, without its values, which may be private."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stack.sql import literal
from stack.sql_reads import parser

Json = dict[str, Any]
_VALUE = {"id": "VARCHAR", "type_info": None}


@dataclass(frozen=True)
class Shape:
    """A query whose literals are `$1`, `$2` and so on; a list of them counts as one.

    `tables` are `schema.table` in lower case; `columns` are all names it uses, of whichever table.
    Names of columns and fields stay; comments and names of files don't.
    """

    statement: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]


def shape_of(sql: str) -> Shape | None:
    """The shape of one SELECT; None for anything else."""
    import duckdb

    try:
        [(serialized,)] = parser().execute(f"select json_serialize_sql({literal(sql)})").fetchall()
        parsed = json.loads(serialized)
        if parsed["error"] or len(parsed["statements"]) != 1:
            return None
        masked = _Masking().masked(parsed)
        said = json.dumps(masked)
        [(statement,)] = (
            parser().execute(f"select json_deserialize_sql({literal(said)}::json)").fetchall()
        )
        nodes = list(_nodes(parsed))
    except (duckdb.Error, RecursionError):
        return None
    return Shape(statement, tuple(sorted(_tables(nodes))), tuple(sorted(_columns(nodes))))


class _Masking:
    """Replaces each literal by a parameter, numbered in order."""

    def __init__(self) -> None:
        self._found = 0

    def masked(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self.masked(each) for each in part]
        if not isinstance(part, dict):
            return part
        if part.get("class") == "CONSTANT":
            return self._parameter(part)
        if "is_null" in part and "value" in part:  # within PIVOT, which takes no parameter
            return {"type": _VALUE, "is_null": False, "value": "?"}
        if part.get("type") == "BASE_TABLE" and not part["table_name"].isidentifier():
            part = {**part, "table_name": "?"}  # from 'a file', whose name may be private
        return {key: self.masked(_shortened(part, key, value)) for key, value in part.items()}

    def _parameter(self, constant: Json) -> Json:
        self._found += 1
        return {
            "class": "PARAMETER",
            "type": "VALUE_PARAMETER",
            "alias": constant.get("alias", ""),
            "query_location": 0,
            "identifier": str(self._found),
        }


def _shortened(part: Json, key: str, value: Any) -> Any:
    """Lists of literals cut to the first: `in (1, 2, 3)`, rows of VALUES, PIVOT's `in`."""
    if key == "children" and part.get("type") in ("COMPARE_IN", "COMPARE_NOT_IN"):
        constants = [each for each in value[1:] if each.get("class") == "CONSTANT"]
        return value[:2] if len(constants) == len(value) - 1 else value
    if key in ("values", "entries") and isinstance(value, list):
        return value[:1]
    return value


def _nodes(part: Any) -> Iterator[Json]:
    """All parts of a parsed query that have keys."""
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _nodes(each)


def _tables(nodes: list[Json]) -> set[str]:
    """Tables with a schema; the others are CTEs and files."""
    found = (n for n in nodes if n.get("type") == "BASE_TABLE" and n["schema_name"])
    return {f"{node['schema_name']}.{node['table_name']}".lower() for node in found}


def _columns(nodes: list[Json]) -> set[str]:
    found = (node for node in nodes if node.get("class") == "COLUMN_REF")
    return {str(node["column_names"][-1]).lower() for node in found}
