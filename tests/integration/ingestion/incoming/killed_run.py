"""Processes inboxes in processes that kill themselves at a given point.

    python killed_run.py <home> <n> [<home> <n>]...

The points are the statements that dlt sends to the warehouse, then the moves of files. Each process
is forked from one that has imported dlt, and dies by SIGKILL after point `n`. Its exit code is
printed; and before, if it reaches the end, the number of points.
"""

import os
import signal
import sys
from contextlib import contextmanager

from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

from ingestion.incoming.inbox import Inbox
from ingestion.incoming.loader import FilesLoader
from ingestion.settings import IncomingSettings
from stack.settings import load_settings


def run(home: str, last: int) -> None:
    os.environ["STACK_HOME"] = home
    count = 0
    execute, move = DuckDbSqlClient.execute_query, Inbox._move

    def point():
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def counted_query(self, query, *args, **kwargs):
        with execute(self, query, *args, **kwargs) as cursor:
            yield cursor
        point()

    def counted_move(*args):
        point()
        return move(*args)

    DuckDbSqlClient.execute_query = counted_query
    Inbox._move = counted_move
    files = Inbox.open(load_settings(IncomingSettings)).files()
    FilesLoader().load_batch({file.path: file.version for file in files})
    sys.stdout.write(f"{count}\n")


def main() -> None:
    for home, last in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        child = os.fork()
        if child == 0:
            run(home, int(last))
            sys.stdout.flush()
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
