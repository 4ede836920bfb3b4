"""Tells outages of a store (S3 or Postgres), and runs ended from outside, from other errors.

Declared here are the libraries' own classes, codes and messages, as they raise them:
tests/integration/outages provokes each of them on real servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stack.errors import StackError

# By library: the base class of its errors, where only the text identifies an outage.
_TOLD_BY_TEXT = {
    "_duckdb": "Error",
    "duckdb": "Error",
    "psycopg2": "Error",
    "psycopg2.errors": "Error",
    "sqlalchemy.exc": "DBAPIError",
}
# Errors that are an outage whatever they say: no answer from S3, or half of one.
_ALWAYS = {
    "botocore.exceptions": frozenset({"ConnectionError", "HTTPClientError", "IncompleteReadError"}),
    "aiohttp.client_exceptions": frozenset({"ClientConnectionError", "ClientPayloadError"}),
}
_TEXTS = re.compile(
    "|".join(
        (
            # libpq
            r"server closed the connection unexpectedly",
            r"failed: (Connection refused|timeout expired|Connection timed out|No route to host|"
            r"Network is unreachable|Connection reset by peer|server closed)",
            r"could not (receive data from|send data to) server",
            r"SSL (SYSCALL error: EOF detected|connection has been closed unexpectedly)",
            r"Temporary failure in name resolution",
            r"connection (already|is) closed|no connection to the server",
            # Postgres
            r"the database system is (starting up|shutting down|in recovery|not yet acc)",
            r"terminating connection due to (administrator command|unexpected postmaster exit)",
            r"terminating connection because of crash of another server process",
            r"too many (clients already|connections for)|remaining connection slots are reserved",
            r"cannot execute .+ in a read-only transaction",  # the old primary, now a standby
            # DuckDB's httpfs: curl's words, and what the store answered
            r"(?<!was not OK) error for HTTP (GET|HEAD|PUT|POST|DELETE)",
            r"\(HTTP (408|429|5\d\d)\b",
            r"returned HTTP (408|429|5\d\d)\b",
            # DuckLake: the catalog went away during a commit, or others keep writing
            r"Failed to commit: Failed to execute query",
            r"Failed to commit DuckLake transaction",
        )
    )
)
_CODES = frozenset({"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"})
_STATUSES = frozenset({408, 429})
_INTERRUPTIONS = frozenset(
    {
        ("builtins", "KeyboardInterrupt"),
        ("dagster._core.errors", "DagsterExecutionInterruptedError"),
    }
)


class OutageError(StackError):
    """A store went away during work that needs it; the run is made again."""


def is_outage(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is a temporary outage of a store.

    A refused password or a missing bucket or table isn't: it would fail again. Nor is a run that
    is ended while it waits for a store: nobody wants it to go on waiting.
    """
    return not is_interruption(error) and any(_is_outage(found) for found in _chain(error))


def is_interruption(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is that the process was told to end.

    As by Ctrl-C or an eviction. Libraries wrap it: DuckDB in a RuntimeError, dlt in a failed step.
    """
    return any(
        (base.__module__, base.__name__) in _INTERRUPTIONS
        for found in _chain(error)
        for base in type(found).__mro__
    )


def is_passing(error: BaseException | None) -> bool:
    """Whether an error says nothing about the data or code at hand, so that it is no finding."""
    return is_outage(error) or is_interruption(error)


def tells_of_outage(text: str | None) -> bool:
    """As `is_outage`, for the text that a library such as dbt made of an error."""
    return text is not None and _TEXTS.search(text) is not None


def _is_outage(error: BaseException) -> bool:
    if isinstance(error, OutageError):
        return True
    bases = {(base.__module__, base.__name__) for base in type(error).__mro__}
    if any(name in _ALWAYS.get(module, ()) for module, name in bases):
        return True
    if ("botocore.exceptions", "ClientError") in bases:
        return _is_outage_of_s3(getattr(error, "response", {}))
    if any(_TOLD_BY_TEXT.get(module) == name for module, name in bases):
        return tells_of_outage(str(error))
    return False


def _is_outage_of_s3(response: Mapping[str, Any]) -> bool:
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code")
    return status >= 500 or status in _STATUSES or code in _CODES


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and its causes and contexts, each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [found.__cause__, found.__context__]
        if isinstance(found, BaseExceptionGroup):
            waiting += found.exceptions
