"""`make query SQL="…"`: run a query on the warehouse, read-only."""

from __future__ import annotations

import sys

from stack.settings import SettingsError
from stack.warehouse.connection import WarehouseError, connect

# A person waits.
LONGEST_WAIT_S = 5.0


def main(arguments: list[str]) -> int:
    """Print the result of the query given as one argument; return the exit code."""
    if len(arguments) != 1 or not arguments[0].strip():
        print('usage: make query SQL="select * from marts.revenue_by_month"', file=sys.stderr)
        return 2
    import duckdb

    try:
        with connect(read_only=True, longest_wait_s=LONGEST_WAIT_S) as connection:
            connection.sql(arguments[0]).show(max_rows=100, max_width=200)
    except (duckdb.Error, WarehouseError, SettingsError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
