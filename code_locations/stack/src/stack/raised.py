"""The error behind a failure, from Dagster's record of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo


def raised(error: SerializableErrorInfo | None) -> list[SerializableErrorInfo]:
    """The error and its causes, outermost first, without Dagster's wrappers.

    If all are Dagster's, only the innermost; empty without an error.
    """
    chain: list[SerializableErrorInfo] = []
    while error is not None:
        chain.append(error)
        error = error.cause
    return [one for one in chain if not (one.cls_name or "").startswith("Dagster")] or chain[-1:]


def said_by(error: SerializableErrorInfo) -> str:
    """An error's message, without its class if there is more than that."""
    message = error.message.strip()
    return message.partition(": ")[2] or message
