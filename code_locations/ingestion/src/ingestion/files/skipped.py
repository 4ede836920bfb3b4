"""Rows that a file's rules say are none of the table's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ingestion.files.records import Records, RowAside
from ingestion.files.rules import ReadingRules
from ingestion.files.table_rows import source_of
from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def skipped_rows(
    connection: DuckDBPyConnection, records: Records, rules: ReadingRules
) -> tuple[str, list[RowAside]]:
    """An SQL condition for the rows that are declared as skipped, and these rows."""
    places = {name.strip(): n for n, name in enumerate(records.names)}
    chosen = {places[name.strip()]: v for name, v in rules.skip.items() if name.strip() in places}
    if not chosen:
        return "false", []
    condition = " or ".join(
        f"trim(coalesce(c{n}, '')) {_is_one(value)}"
        for n, values in chosen.items()
        for value in values
    )
    cells = ", ".join(f"c{n}" for n in range(len(records.names)))
    found = connection.execute(
        f"select file_row_number, {cells} from {source_of(records)} where {condition} order by 1"
    ).fetchall()
    names = ", ".join(records.names[n].strip() for n in chosen)
    return condition, [
        RowAside(
            line := records.line(int(row)),
            f"{records.unit} {line} is left out for its {names}, as the layout says",
            tuple(text or "" for text in texts),
            expected=True,
        )
        for row, *texts in found
    ]


def without(
    connection: DuckDBPyConnection, records: Records, skipped: str, left_out: Sequence[RowAside]
) -> Records:
    """The records except the skipped ones, which say nothing about types."""
    path = records.path.with_name(f"{records.path.name}.kept")
    rows = f"from {source_of(records)} where ({skipped}) is not true order by file_row_number"
    found = connection.execute(f"select file_row_number {rows}").fetchall()
    kept = [int(row) for (row,) in found]
    connection.execute(
        f"copy (select * exclude (file_row_number) {rows}) to {literal(path)} (format parquet)"
    )
    line = records.line
    return replace(
        records,
        path=path,
        rows=len(kept),
        aside=(*records.aside, *left_out),
        line=lambda row: line(kept[row]),
    )


def _is_one(value: str) -> str:
    """The SQL comparison with a skipped value; a star stands for any text."""
    if "*" not in value:
        return f"= {literal(value)}"
    pattern = re.sub(r"([%_\\])", r"\\\1", value).replace("*", "%")
    return f"like {literal(pattern)} escape {literal(chr(92))}"
