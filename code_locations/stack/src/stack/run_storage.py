"""Dagster's run storage on Postgres, waited for by the processes that have our code.

Dagster tries for ten seconds to connect, and stores each event of a run over a connection of its
own. A run whose event can't be stored fails, though its work is done.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from stack.patience import patiently

T = TypeVar("T")
# Not into the run's log, which is what can't be written.
_log = logging.getLogger("stack.run_storage")


def wait_for_run_storage() -> None:
    """Have connections to the run storage waited for, in this process, as other stores are.

    What breaks off amid a statement is not repeated: it may have been stored.
    """
    utils: Any = sys.modules.get("dagster_postgres.utils")  # none: not on Postgres
    if utils is None or getattr(utils.retry_pg_connection_fn, "is_patient", False):
        return
    stock: Callable[..., Any] = utils.retry_pg_connection_fn

    def connect(fn: Callable[[], T], *_: float, **__: float) -> T:
        def attempt() -> T:
            connected: T = stock(fn, 1)  # it says so each time
            return connected

        return patiently(attempt, "Dagster's Postgres", log=_log)

    connect.is_patient = True  # type: ignore[attr-defined]
    utils.retry_pg_connection_fn = connect
