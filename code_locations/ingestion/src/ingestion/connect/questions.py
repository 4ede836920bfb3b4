"""What the user has said, and what must be asked because the files don't show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingestion.files.rules import DateOrder
from stack.errors import StackError


class ConnectError(StackError):
    """Files can't be connected as they are; the message says what is missing."""


@dataclass(frozen=True)
class Answers:
    """What the user has said; empty fields are to be found out."""

    table: str = ""
    key: tuple[str, ...] = ()
    dates: DateOrder | None = None
    decimal: Literal[".", ","] | None = None
    sheet: str = ""
    currency: str = ""
    rate: str = ""
    target: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    def with_answer(self, flag: str, answer: str) -> Answers:
        """The answers, as if a flag such as `--dates` or `--column net` had been given."""
        name = _FIELDS.get(flag, flag.removeprefix("--"))
        value: Any = answer
        if name.startswith("column "):
            fact = name.removeprefix("column ")
            return replace(self, columns={**self.columns, fact: answer})
        if name == "key":
            value = (answer,)
        return replace(self, **{name: value})


_FIELDS = {"--as": "target"}


@dataclass(frozen=True)
class Question:
    """Something undecided: the flag that answers it, and the answers if there are only a few."""

    about: str
    flag: str
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark = "=" if " " in self.flag else " "
        said = [f"{self.flag}{mark}{choice}" for choice in self.choices]
        return f"{self.about}; say {' or '.join(said[:6]) or self.flag + ' …'}"
