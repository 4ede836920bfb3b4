"""How long work waits for a store that is away, S3 or Postgres, and what it logs meanwhile.

A run waits longer than it takes to restart or move a store. Code that checks the stores every few
seconds, or that is there to report one down, is `impatient`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

from stack.errors import reason
from stack.outage import is_outage

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

PATIENCE_S = 150.0
IMPATIENCE_S = 3.5
LONGEST_PAUSE_S = 5.0
SAY_EVERY_S = 10.0
# Dagster puts messages of its own loggers into the run's log, on every instance.
_log = logging.getLogger("dagster.builtin.stack.stores")
_patience_s = ContextVar("patience_s", default=PATIENCE_S)


@contextmanager
def impatient() -> Iterator[None]:
    """Within the block, this thread waits for a store only for a moment."""
    token = _patience_s.set(IMPATIENCE_S)
    try:
        yield
    finally:
        _patience_s.reset(token)


def patience_s() -> float:
    """Seconds that this thread waits for a store."""
    return _patience_s.get()


def is_patient() -> bool:
    """Whether this thread waits longer than a moment."""
    return patience_s() > IMPATIENCE_S


def patiently(
    attempt: Callable[[], T],
    store: str,
    *,
    longest_wait_s: float = PATIENCE_S,
    log: logging.Logger = _log,
) -> T:
    """Return `attempt()`, retried while it meets an outage of `store`.

    Raises the last attempt's error; an error that is no outage is raised at once.
    """
    from tenacity import Retrying

    wait_s = min(patience_s(), longest_wait_s)
    return Retrying(**waiting(store, wait_s, log))(attempt)


def waiting(store: str, wait_s: float = PATIENCE_S, log: logging.Logger = _log) -> dict[str, Any]:
    """As `patiently`, as tenacity's arguments, for tenacity's other forms."""
    from tenacity import retry_if_exception, stop_after_delay, wait_random_exponential

    return {
        "retry": retry_if_exception(is_outage),
        "stop": stop_after_delay(wait_s),
        "wait": wait_random_exponential(multiplier=0.5, max=LONGEST_PAUSE_S),
        "before_sleep": _Telling(store, wait_s, log),
        "reraise": True,
    }


class _Telling:
    """Logs at once, and then every SAY_EVERY_S, what is being waited for."""

    def __init__(self, store: str, wait_s: float, log: logging.Logger) -> None:
        self._store, self._wait_s, self._log = store, wait_s, log
        self._say_at = 0.0

    def __call__(self, state: RetryCallState) -> None:
        now = time.monotonic()
        error = state.outcome.exception() if state.outcome else None
        if error is None or now < self._say_at:
            return
        self._say_at = now + SAY_EVERY_S
        left = self._wait_s - (state.seconds_since_start or 0.0)
        self._log.warning(
            f"{self._store} is away: waiting up to {left:.0f} s for it ({_short(error)})"
        )


def _short(error: BaseException) -> str:
    return reason(error)[:300]
