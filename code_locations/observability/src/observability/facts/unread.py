"""Files that can't be read: another version of the stack wrote them, or they are broken."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TypeVar

from observability.facts.model import UnreadFact
from stack.errors import StackError, one_line, reason

# As many are read again at a look; a folder full of broken files must not take all its time.
AGAIN_AT_ONCE = 100
PARTS = ("load_reports", "quarantine", "alerts")
_log = logging.getLogger("stack.observe")
T = TypeVar("T")


class Unread:
    """The unreadable files of one part, such as the quarantine; each error is logged once."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._known: dict[str, UnreadFact] = {}

    @property
    def facts(self) -> tuple[UnreadFact, ...]:
        """All unreadable files, by name."""
        return tuple(self._known[name] for name in sorted(self._known))

    def keep(self, files: Collection[str]) -> None:
        """Forget all others, which are gone."""
        still = set(files)
        self._known = {name: fact for name, fact in self._known.items() if name in still}

    def resting(self) -> frozenset[str]:
        """Those not to be read at this look: all but the AGAIN_AT_ONCE that were read longest ago.

        A file may have been half written, and people mend files.
        """
        return frozenset(list(self._known)[AGAIN_AT_ONCE:])

    def read_new(
        self,
        files: Collection[str],
        known: dict[str, T],
        read: Callable[[str], T],
        unreadable: type[StackError],
    ) -> None:
        """Add to `known` what can be read of the files that aren't in it; forget those gone."""
        for gone in known.keys() - set(files):
            del known[gone]
        self.keep(files)
        resting = self.resting()
        for file in files:
            if file in known or file in resting:
                continue
            try:
                known[file] = read(file)
            except FileNotFoundError:  # gone in the meantime
                continue
            except unreadable as error:
                self.note(file, error)
            else:
                self.settle(file)

    def note(self, file: str, error: StackError) -> None:
        """Note that this one can't be read."""
        fact = UnreadFact(self._part, file.rpartition("/")[2], one_line(reason(error), 500))
        if self._known.pop(file, None) != fact:
            named = fact.reason if fact.file in fact.reason else f"{file}: {fact.reason}"
            _log.warning(f"{self._part}: left out {named}")
        self._known[file] = fact

    def settle(self, file: str) -> None:
        """Note that this one can be read now."""
        self._known.pop(file, None)
