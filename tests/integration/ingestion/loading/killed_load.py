"""Loads the books in processes that kill themselves at a given statement.

    python killed_load.py <home> <n> [<home> <n>]...

Each counts the statements that dlt sends to the warehouse and dies by SIGKILL after statement `n`,
so that the test covers every state that a load can be left in. A single load prints the count if it
reaches the end. Several loads run in processes forked from one that has imported dlt; their exit
codes are printed.
"""

import os
import signal
import sys
from contextlib import contextmanager

from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from ingestion.books import BooksLoader


def load(home: str, last: int) -> None:
    os.environ["STACK_HOME"] = home
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


def main() -> None:
    loads = [(home, int(n)) for home, n in zip(sys.argv[1::2], sys.argv[2::2], strict=True)]
    if len(loads) == 1:
        load(*loads[0])
        return
    for home, last in loads:
        child = os.fork()
        if child == 0:
            sys.stdout = sys.stderr
            load(home, last)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
