"""What couldn't be loaded and waits, according to its notes."""

from __future__ import annotations

from observability.facts.model import SetAsideFact
from observability.facts.unread import Unread
from stack.artifacts import ArtifactError, parsed
from stack.errors import one_line
from stack.quarantine import Entry
from stack.storage import filesystem, listed

AT_MOST = 5000


class QuarantineReader:
    """Reads the notes at an fsspec URL, each only once.

    `unread` has the notes that can't be read; those are tried again.
    """

    def __init__(self, url: str) -> None:
        self._fs, self._root = filesystem(url)
        self._known: dict[str, SetAsideFact] = {}
        self.unread = Unread("quarantine")

    def read(self) -> tuple[SetAsideFact, ...]:
        """All that waits, oldest first."""
        paths = [
            str(item["name"])
            for folder in listed(self._fs, self._root)
            if folder["type"] == "directory"
            for item in listed(self._fs, str(folder["name"]))
            if item["type"] == "file" and str(item["name"]).endswith(".json")
        ][:AT_MOST]
        self.unread.read_new(paths, self._known, self._fact, ArtifactError)
        found = self._known.values()
        return tuple(sorted(found, key=lambda fact: (fact.at is None, fact.at, fact.entry)))

    def _fact(self, path: str) -> SetAsideFact:
        note = parsed(self._fs.cat_file(path), Entry, path)
        return SetAsideFact(
            entry=note.id,
            name=note.path,
            reason=one_line(note.reason, 500),
            table=note.table,
            records=note.records,
            at=note.at,
        )
