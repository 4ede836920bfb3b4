"""The report of clearing one kind of data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from stack.errors import reason
from stack.markdown import markdown_table
from stack.outage import is_interruption

PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class Clock:
    """The time of a sweep, and when the oldest other run in progress began, if there is one.

    `in_progress`: the ids of those runs. Files last written before that aren't theirs.
    """

    now: datetime
    oldest_in_progress: datetime | None = None
    in_progress: frozenset[str] = frozenset()

    def at_most(self, moment: datetime) -> datetime:
        """`moment`, or when the oldest run in progress began, if that is earlier."""
        return min(moment, self.oldest_in_progress or moment)


@dataclass
class Cleared:
    """A kind of data: bytes before and after (None: unknown), and how many things were deleted."""

    kind: str
    is_dry: bool = False
    before: int | None = None
    after: int | None = None
    deleted: int = 0
    note: str = ""
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def each(self, what: str) -> Iterator[None]:
        """A block for one thing: an error is recorded as a problem, and the next one follows."""
        try:
            yield
        except Exception as error:  # any error is recorded, and must not hold up the others
            if is_interruption(error):
                raise
            self.problems.append(f"{what}: {reason(error)}")

    def delete(self, what: str, size: int, remove: Callable[[], object]) -> None:
        """Delete one thing of `size` bytes by `remove`; in a dry run, only count it."""
        with self.each(what):
            if not self.is_dry:
                remove()
                self.after = (self.after or 0) - size
            self.deleted += 1


def table(found: Iterable[Cleared]) -> str:
    """One row per kind, with the problems below."""
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
