"""`stack query`: a query on the warehouse, read-only."""

from __future__ import annotations

import click

from stack.activity import log_query
from stack.errors import StackError
from stack.settings import StackSettings, load_settings
from stack.warehouse.connection import connect

# A person waits, unlike a run.
LONGEST_WAIT_S = 5.0


class QueryError(StackError):
    """The query can't be answered; the message is DuckDB's first line."""


@click.command()
@click.argument("sql")
def query(sql: str) -> None:
    """Print the result of SQL, such as "select * from marts.revenue_by_month"."""
    if not sql.strip():
        raise click.UsageError('expected SQL: make query SQL="select * from marts.cash_in"')
    import duckdb

    try:
        with connect(read_only=True, longest_wait_s=LONGEST_WAIT_S) as connection:
            connection.sql(sql).show(max_rows=100, max_width=200)
    except duckdb.Error as error:
        raise QueryError(str(error).splitlines()[0]) from error
    log_query(load_settings(StackSettings), sql)
