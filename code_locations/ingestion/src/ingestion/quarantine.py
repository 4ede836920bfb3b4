"""What could not be loaded, in one place and one form, whichever loader found it.

Below QUARANTINE_URL each loader has a folder: `<id>.json` is an `Entry`, and `<id>/` what is kept
of it, a file that was moved there or the records as JSON lines. An export that stays where it is
has the entry only. What is settled moves to `settled/`; nothing is deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from stack.artifacts import write_atomically
from stack.errors import StackError
from stack.storage import filesystem, safe_name

SETTLED = "settled"


class QuarantineError(StackError):
    """There is no such entry, or it can't be put back."""


class Entry(BaseModel):
    """A file or some records that were set aside.

    `path` is the input as people know it: a file's path below its folder, or a stream. `place` is
    the URL of what is kept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    loader: str
    kind: Literal["file", "records"]
    path: str
    table: str = ""
    reason: str
    records: int | None = None
    place: str
    at: datetime
    next_step: str = ""


class Quarantine:
    """The quarantine at a fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = filesystem(self.url)

    def entries(self, loaders: Collection[str] | None = None) -> list[Entry]:
        """What waits to be settled, oldest first; of these loaders, or of all."""
        try:
            folders = [str(path) for path in self._fs.ls(self._root, detail=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = []
        for folder in folders:
            name = folder.rstrip("/").rsplit("/", 1)[-1]
            if loaders is None or name in loaders:
                found += [entry for entry in map(self._read, self._notes(folder)) if entry]
        return sorted(found, key=lambda entry: (entry.at, entry.path))

    def find(self, id_: str) -> Entry:
        """The entry whose id begins like this. Raises QuarantineError."""
        found = [entry for entry in self.entries() if entry.id.startswith(id_)]
        if len(found) != 1:
            raise QuarantineError(
                f"quarantine entry {id_}",
                found=f"{len(found)} that begin so",
                expected="one",
                next_step="`stack quarantine` lists them",
            )
        return found[0]

    def folder(self, loader: str, id_: str) -> str:
        """URL of the folder for what is kept of an entry."""
        return f"{self.url}/{loader}/{id_}"

    def note(self, entry: Entry) -> None:
        """Write an entry; one that says the same already keeps its date."""
        path = f"{self._root}/{entry.loader}/{entry.id}.json"
        before = self._read(path)
        if before is None or before != entry.model_copy(update={"at": before.at}):
            write_atomically(self._fs, path, entry.model_dump_json(indent=2).encode())

    def note_in_place(self, loader: str, url: str, reasons: dict[str, str]) -> None:
        """Let the entries of a loader, whose files stay at `url`, be exactly these, by path."""
        now = datetime.now(UTC)
        wanted = {
            entry_id(path): Entry(
                id=entry_id(path),
                loader=loader,
                kind="file",
                path=path,
                reason=reason,
                place=f"{url.rstrip('/')}/{path}",
                at=now,
                next_step="mend the file where it is; the next load reads it",
            )
            for path, reason in reasons.items()
        }
        folder = f"{self._root}/{loader}"
        for note in self._notes(folder):
            if note.rsplit("/", 1)[-1].removesuffix(".json") not in wanted:
                self._fs.rm_file(note)
        for entry in wanted.values():
            self.note(entry)

    def keep_records(
        self, loader: str, path: str, table: str, reason: str, records: Iterable[dict[str, Any]]
    ) -> Entry:
        """Keep records that don't fit their table, each with its reason, before a load commits.

        The same records are one entry, however often they come.
        """
        lines = [json.dumps(record, default=str, ensure_ascii=False) for record in records]
        content = ("\n".join(lines) + "\n").encode(errors="surrogatepass")
        id_ = entry_id(path, hashlib.sha256(content).hexdigest())
        name = f"{safe_name(table)}.jsonl"
        write_atomically(self._fs, f"{self._root}/{loader}/{id_}/{name}", content)
        entry = Entry(
            id=id_,
            loader=loader,
            kind="records",
            path=path,
            table=table,
            reason=reason,
            records=len(lines),
            place=f"{self.folder(loader, id_)}/{name}",
            at=datetime.now(UTC),
            next_step=f"correct the source or the records, then `stack quarantine put-back {id_}`",
        )
        self.note(entry)
        return entry

    def settle(self, entry: Entry) -> None:
        """Take an entry off the list, and keep its note."""
        source = f"{self._root}/{entry.loader}/{entry.id}.json"
        target = f"{self._root}/{entry.loader}/{SETTLED}/{entry.id}.json"
        write_atomically(self._fs, target, entry.model_dump_json(indent=2).encode())
        if self._fs.exists(source):
            self._fs.rm_file(source)

    def _notes(self, folder: str) -> list[str]:
        try:
            found = self._fs.ls(folder, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [
            str(item["name"])
            for item in found
            if item["type"] == "file" and str(item["name"]).endswith(".json")
        ]

    def _read(self, path: str) -> Entry | None:
        try:
            return Entry.model_validate_json(self._fs.cat_file(path))
        except (FileNotFoundError, ValidationError):  # a file that only has the name of a note
            return None


def entry_id(path: str, version: str = "") -> str:
    """The id of an input's entry: the same for the same path and version."""
    return hashlib.sha256(f"{path}\0{version}".encode(errors="surrogatepass")).hexdigest()[:12]
