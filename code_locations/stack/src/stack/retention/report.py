"""What clearing a kind of data tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from stack.errors import reason
from stack.markdown import markdown_table
from stack.outage import is_interruption

PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class Clock:
    """The moment of a sweep, and since when the oldest other run is in progress, if any is.

    `in_progress`: the ids of those runs. What was last written before them is theirs no longer.
    """

    now: datetime
    oldest_in_progress: datetime | None = None
    in_progress: frozenset[str] = frozenset()

    def at_most(self, moment: datetime) -> datetime:
        """`moment`, or when the oldest run in progress began, if that is earlier."""
        return min(moment, self.oldest_in_progress or moment)


@dataclass
class Cleared:
    """A kind of data: bytes before and after (None: it can't be said), and how many things went."""

    kind: str
    is_dry: bool = False
    before: int | None = None
    after: int | None = None
    deleted: int = 0
    note: str = ""
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def each(self, what: str) -> Iterator[None]:
        """A block about one thing: what goes wrong is a problem, and the next one's turn comes."""
        try:
            yield
        except Exception as error:  # whatever it is, it is told, and the others are not held up
            if is_interruption(error):
                raise
            self.problems.append(f"{what}: {reason(error)}")


def table(found: Iterable[Cleared]) -> str:
    """A row a kind, and the problems below it."""
    kinds = list(found)
    deleted = "would be deleted" if any(kind.is_dry for kind in kinds) else "deleted"
    rows = [
        (kind.kind, _size(kind.before), _size(kind.after), f"{kind.deleted:,}", kind.note)
        for kind in kinds
    ]
    lines = [markdown_table(("kind", "before", "after", deleted, ""), rows, None)]
    for kind in kinds:
        lines += [f"- {kind.kind}: {problem}" for problem in kind.problems[:PROBLEMS_SHOWN]]
        if (more := len(kind.problems) - PROBLEMS_SHOWN) > 0:
            lines.append(f"- {kind.kind}: and {more:,} more")
    return "\n".join([lines[0], *([""] if lines[1:] else []), *lines[1:]])


def _size(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:,.1f} MB"
