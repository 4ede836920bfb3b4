"""What a layout's SQL sees of a file's rows, the values above them, and its checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingestion.files.records import Records
from ingestion.files.rules import ReadingRules
from stack.errors import one_line
from stack.sql import identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LINE = "_line"
# The SQL type of a declared column, whatever its values were proven to be.
VIEWED = {
    "text": "varchar", "integer": "bigint", "decimal": "decimal(18,6)", "double": "double",
    "boolean": "boolean", "date": "date", "time": "time", "timestamp": "timestamp", "json": "json",
}  # fmt: skip


def view(source: str, types: Mapping[str, str], known: Mapping[str, str], *others: str) -> str:
    """SQL of a file's rows with the columns in `known`, each of its declared kind.

    `types` are the columns that the file has; `others` are passed through.
    """
    columns = list(others)
    for name in {**types, **known}:
        kind = VIEWED[known.get(name, "text")]
        value = identifier(name) if name in types else "null"
        if types.get(name, "").startswith("TIMESTAMP WITH") and kind == "timestamp":
            value = f"({value} at time zone 'UTC')"
        columns.append(f"cast({value} as {kind}) as {identifier(name)}")
    return f"select {', '.join(columns)} from {source}"


def preamble_values(records: Records, rules: ReadingRules) -> dict[str, str]:
    """The declared values in the lines before the header."""
    found = {}
    for name, pattern in rules.preamble.items():
        for line in records.preamble:
            if match := re.search(pattern, line):
                found[name] = match[1].strip()
                break
    return found


def failed_checks(
    connection: DuckDBPyConnection,
    query: str,
    types: Mapping[str, str],
    rules: ReadingRules,
    records: Records,
) -> tuple[str, ...]:
    """The checks that fail, each with the line of the first row that breaks it.

    `query` returns the rows, with columns `types`, and their line.
    """
    import duckdb

    told = []
    viewed = view("read", types, rules.optional, LINE)
    for name, sql in rules.checks.items():
        try:
            found = connection.execute(
                f"with read as ({query}), file as ({viewed}), "
                f"checked as (select {LINE}, ({sql}) as holds from file) "
                f"select count(*), min({LINE}) from checked where holds is false"
            ).fetchone()
        except duckdb.Error as error:
            told.append(f"whether {name} can't be checked: {one_line(str(error), 200)}")
            continue
        if found and found[0]:
            more = f", nor in {found[0] - 1:,} more" if found[0] > 1 else ""
            told.append(
                f"{records.unit} {records.line(int(found[1]))}: it doesn't hold{more}: {name}"
            )
    return tuple(told)
