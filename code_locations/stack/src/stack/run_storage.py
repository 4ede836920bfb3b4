"""Dagster's run storage: queried by SQL, and waited for where it is on Postgres.

Dagster tries to connect for ten seconds, and stores each event of a run over a new connection. A
run whose event can't be stored fails although its work is done. So processes with our code wait.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from stack.patience import patiently

if TYPE_CHECKING:
    import dagster as dg

T = TypeVar("T")
# Not a logger that writes into the run's log: that is what can't be written.
_log = logging.getLogger("stack.run_storage")


def wait_for_run_storage() -> None:
    """Make connections of this process to the run storage wait, as for other stores.

    A statement that breaks off isn't repeated: it may have been executed.
    """
    utils: Any = sys.modules.get("dagster_postgres.utils")  # missing: not on Postgres
    if utils is None or getattr(utils.retry_pg_connection_fn, "is_patient", False):
        return
    stock: Callable[..., Any] = utils.retry_pg_connection_fn

    def connect(fn: Callable[[], T], *_: float, **__: float) -> T:
        def attempt() -> T:
            connected: T = stock(fn, 1)  # reports itself each time
            return connected

        return patiently(attempt, "Dagster's Postgres", log=_log)

    connect.is_patient = True  # type: ignore[attr-defined]
    utils.retry_pg_connection_fn = connect


def require_answer(url: str) -> None:
    """Connect to a Postgres once, where Dagster retries and shows a traceback.

    Raises SQLAlchemyError.
    """
    import sqlalchemy as sa

    engine = sa.create_engine(url, connect_args={"connect_timeout": 10})
    engine.connect().close()
    engine.dispose()


@contextmanager
def runs_of(instance: dg.DagsterInstance) -> Iterator[Any]:
    """A connection to the run storage."""
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        yield connection


def moment(stored: datetime | float | None) -> datetime | None:
    """A time as Dagster stores it (seconds, or a date and time without a zone), in UTC."""
    if stored is None:
        return None
    if isinstance(stored, datetime):
        return stored if stored.tzinfo else stored.replace(tzinfo=UTC)
    return datetime.fromtimestamp(stored, UTC)
