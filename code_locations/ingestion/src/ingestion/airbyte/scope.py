"""How much of its source a sync reads."""

from __future__ import annotations

from dataclasses import dataclass

from stack.partitions import Days


@dataclass(frozen=True)
class Scope:
    """By default what is new.

    `full_refresh` reads every stream from its beginning and replaces its table. With `days`,
    which no connector can be asked for, every stream is read from its beginning too, and tables
    with an event date get exactly these days rebuilt; the state stays as it was, since what is
    new of other days is left for a run without.
    """

    full_refresh: bool = False
    days: Days | None = None

    @property
    def anew(self) -> bool:
        """Whether streams are read from their beginning."""
        return self.full_refresh or self.days is not None


WHAT_IS_NEW = Scope()
