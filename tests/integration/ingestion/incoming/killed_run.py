"""Processes the inbox in a process that kills itself at a given point.

    python killed_run.py <n>

The points are the statements that dlt sends to the warehouse, then the moves of files. The process
dies by SIGKILL after point `n`, or prints the number of points if it reaches the end.
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


def main() -> None:
    last = int(sys.argv[1])
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


if __name__ == "__main__":
    main()
