"""Computes the books with DuckDB and writes them as exports."""

from __future__ import annotations

import shutil
import uuid
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from stack.raw import raw_table
from stack.sql import literal
from stack.warehouse import count_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DEFAULT_SIZE = 4000
"""Time entries of one person in three years, about five a working day."""

FIRST_DAY = date(2023, 1, 1)
LAST_DAY = date(2025, 12, 31)
_FORMER_CLIENTS = date(2025, 3, 31)

_STEPS = ("parties.sql", "time_entries.sql", "invoices.sql")

# A quadratic step between two linear ones, modulo the prime 2^31 - 1: no pattern that a reader of
# the books would notice, and the same on every version of DuckDB.
_MACROS = """
create macro draw(n, salt) as
    ((((n + 1) * 48271 + salt * 40692) % 2147483647)
     * (((n + 1) * 48271 + salt * 40692) % 2147483647) % 2147483647 * 69621 % 2147483647)
    / 2147483647.0;
create macro element_of(elements, n) as elements[(n % len(elements))::bigint + 1];
"""


def write_sample_data(folder: Path, size: int = DEFAULT_SIZE) -> dict[str, int] | None:
    """Write the exports of `size` time entries into `folder`; return the rows of each table.

    A folder that isn't empty is left as it is, and None is returned. Files appear all at once: the
    folder is renamed into place. Raises ValueError for a size below 1000, which would leave months
    without work.
    """
    import duckdb

    if size < 1000:
        raise ValueError(f"size of the sample data: got {size}, but it must be 1000 or more")
    if folder.exists() and any(folder.iterdir()):
        return None
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.parent / f".{folder.name}-{uuid.uuid4().hex}"
    draft.mkdir()
    try:
        with duckdb.connect() as connection:
            _compute(connection, size)
            rows = _write(connection, draft)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return rows


def _compute(connection: DuckDBPyConnection, size: int) -> None:
    connection.execute(_MACROS)
    connection.execute(f"create macro size() as {size}::bigint")
    connection.execute(f"create macro first_day() as date '{FIRST_DAY}'")
    connection.execute(f"create macro last_day() as date '{LAST_DAY}'")
    for step in _STEPS:
        sql = (resources.files(__package__) / step).read_text(encoding="utf-8")
        connection.execute(sql)


def _write(connection: DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Write each table in the format of a tool that exports such things."""
    years = range(FIRST_DAY.year, LAST_DAY.year + 1)
    csv, json_lines = "(format csv, header)", "(format json)"
    current = """(
        select
            c.* replace (
                coalesce(r.name, c.name) as name,
                coalesce(r.renamed_on::timestamp + interval 11 hour, c.updated_at) as updated_at
            )
        from clients as c left join renamed_clients as r using (client_id)
    )"""
    # The address book was exported twice; in between, a client was renamed.
    former = f"(from clients where created_on <= date '{_FORMER_CLIENTS}')"
    files = [
        ("clients", former, f"clients/{_FORMER_CLIENTS}.csv", csv),
        ("clients", current, f"clients/{LAST_DAY}.csv", csv),
        ("projects", "projects", "projects.jsonl", json_lines),
        *(
            (
                "time_entries",
                _of_year("time_entries", "worked_on", y),
                f"time_entries/{y}.parquet",
                "(format parquet)",
            )
            for y in years
        ),
        *(
            ("invoices", _of_year("invoices", "issued_on", y), f"invoices/{y}.csv", csv)
            for y in years
        ),
        ("payments", "payments", "payments.json", "(format json, array true)"),
        ("exchange_rates", "exchange_rates", "exchange_rates.csv", csv),
    ]
    for name, relation, file, options in files:
        table = raw_table("books", name)
        columns = ", ".join(
            f"{column.name}::{column.type} as {column.name}" for column in table.columns
        )
        target = folder / file
        target.parent.mkdir(exist_ok=True)
        order = ", ".join(table.primary_key)
        connection.execute(
            f"copy (select {columns} from {relation} order by {order}) "
            f"to {literal(target)} {options}"
        )
    names = dict.fromkeys(name for name, *_ in files)
    return {name: count_rows(connection, name) for name in names}


def _of_year(table: str, column: str, year: int) -> str:
    return f"(from {table} where year({column}) = {year})"
