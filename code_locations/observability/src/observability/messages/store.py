"""Changes the kept state by compare-and-set: of two processes at once, the second starts over.

It is one of Dagster's values in the run storage, which backups include and both SQLite and Postgres
have. Dagster can't compare a value before setting it, so this writes the table itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import dagster as dg
from pydantic import ValidationError

from observability.messages.state import State, new_state
from stack.errors import StackError

KEY = "freelancer-data-stack/messages"
TRIES = 50
T = TypeVar("T")


class MessagesError(StackError):
    """The state of messages can't be read or written."""


class Store:
    """The state of one instance."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._storage = instance.run_storage

    def read(self) -> State | None:
        """The state; None if nothing was ever reported. Raises MessagesError."""
        return _parsed(self._text())

    def update(self, change: Callable[[State], T], now: datetime) -> T:
        """Let `change` alter the state in place, and keep it; it may be called again.

        Returns what it returned in the call whose outcome is kept. Raises MessagesError.
        """
        for _ in range(TRIES):
            before = self._text()
            state = _parsed(before) or new_state(now)
            result = change(state)
            after = state.model_dump_json()
            if after == before or self._replace(before, after):
                return result
        raise MessagesError(
            "messages",
            found=f"others change them at the same time, {TRIES} tries long",
            next_step="let one process tell",
        )

    def _text(self) -> str | None:
        return self._storage.get_cursor_values({KEY}).get(KEY)

    def _replace(self, before: str | None, after: str) -> bool:
        """Write `after` unless somebody else has written since; single statements, so atomic."""
        from dagster._core.storage.runs.schema import KeyValueStoreTable as Table
        from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
        from sqlalchemy.exc import IntegrityError

        if not isinstance(self._storage, SqlRunStorage):
            raise MessagesError(
                "messages",
                found=f"runs in a {type(self._storage).__name__}",
                expected="SQLite or Postgres",
            )
        with self._storage.connect() as connection:
            if before is None:
                try:
                    connection.execute(Table.insert().values(key=KEY, value=after))
                except IntegrityError:
                    return False
                return True
            mine = Table.update().where(Table.c.key == KEY, Table.c.value == before)
            return connection.execute(mine.values(value=after)).rowcount == 1


class InMemory(Store):
    """A state that ends with its process."""

    def __init__(self, state: State) -> None:
        self.state = state

    def update(self, change: Callable[[State], T], now: datetime) -> T:  # noqa: ARG002
        """Let `change` alter the state in place; return what it returns."""
        return change(self.state)


def _parsed(text: str | None) -> State | None:
    if text is None:
        return None
    try:
        return State.model_validate_json(text)
    except ValidationError as error:
        raise MessagesError(
            "messages",
            found=f"a state of another version ({error.error_count()} fields differ)",
            next_step="tell with the newest version of the stack",
        ) from None
