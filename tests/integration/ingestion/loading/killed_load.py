"""Loads the books in a process that kills itself at a given statement.

    python killed_load.py <n>

Counts what dlt sends to the warehouse and dies by SIGKILL after statement `n`, so that the
test meets every state that a load can be left in. Prints the count if it comes to the end.
"""

import os
import signal
import sys
from contextlib import contextmanager

from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from ingestion.books import BooksLoader


def main() -> None:
    last = int(sys.argv[1])
    count = 0
    original = DuckDbSqlClient.execute_query

    @contextmanager
    def counted(self, query, *args, **kwargs):
        nonlocal count
        with original(self, query, *args, **kwargs) as cursor:
            yield cursor
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    DuckDbSqlClient.execute_query = counted
    BooksLoader().load()
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main()
