"""What couldn't be loaded, in one place and one form, whichever loader found it.

Below QUARANTINE_URL each loader has a folder: `<id>.json` is an `Entry`, and `<id>/` holds what was
kept, either the moved file or the records as JSON lines. An export that stays where it is has only
an entry. Settled entries move to `settled/`; nothing is deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ingestion.files.listing import PASSED_OVER
from stack.artifacts import ArtifactError, FormatError, parsed, write_atomically
from stack.errors import StackError
from stack.quarantine import Entry, put_back
from stack.storage import filesystem, listed, safe_name

SETTLED = "settled"
# Records per entry, where many entries are listed.
RECORDS_SHOWN = 10


class QuarantineError(StackError):
    """There is no such entry, or it can't be put back."""


@dataclass(frozen=True)
class KeptRecord:
    """One record of an entry, why it is there, and where in its input it was."""

    place: str
    reason: str
    content: str


class Quarantine:
    """The quarantine at a fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = filesystem(self.url)

    def entries(self, loaders: Collection[str] | None = None) -> list[Entry]:
        """Unsettled entries, oldest first, of these loaders or of all."""
        found = []
        for item in listed(self._fs, self._root):
            folder = str(item["name"])
            name = folder.rstrip("/").rsplit("/", 1)[-1]
            if loaders is None or name in loaders:
                found += [entry for entry in map(self._read, self._notes(folder)) if entry]
        return sorted(found, key=lambda entry: (entry.at, entry.path))

    def find(self, id_: str) -> Entry:
        """The entry whose id starts with `id_`. Raises QuarantineError."""
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

    def kept(self, entry: Entry) -> tuple[Any, str]:
        """File system and path of what is kept of an entry, even if it was renamed there.

        Found by its id, not its URL: the quarantine may have moved. Raises QuarantineError.
        """
        folder = f"{self._root}/{entry.loader}/{entry.id}"
        names = [str(item["name"]).rsplit("/", 1)[-1] for item in listed(self._fs, folder)]
        name = entry.place.rsplit("/", 1)[-1]
        found = [name] if name in names else [n for n in names if not PASSED_OVER.search(n)]
        if len(found) != 1:
            raise QuarantineError(
                entry.path,
                found=f"{len(found) or 'no'} files in {self.folder(entry.loader, entry.id)}",
                expected="one",
                next_step="leave only the mended file there; or drop it where files arrive, then "
                f"`stack quarantine settle {entry.id}`",
            )
        return self._fs, f"{folder}/{found[0]}"

    def records(self, entry: Entry) -> Iterator[KeptRecord]:
        """The records kept of an entry, one by one; none for a whole file."""
        if entry.kind == "file":
            return
        try:
            fs, path = self.kept(entry)
        except QuarantineError:
            return
        with fs.open(path, "rb") as lines:
            for line in lines:
                if line.strip():
                    yield _kept_record(line, entry)

    def note(self, entry: Entry) -> None:
        """Write an entry; one that says the same as before keeps its date."""
        path = f"{self._root}/{entry.loader}/{entry.id}.json"
        before = self._read(path)
        if before is None or before != entry.model_copy(update={"at": before.at}):
            write_atomically(self._fs, path, entry.model_dump_json(indent=2).encode())

    def note_in_place(
        self, loader: str, url: str, found: Mapping[str, tuple[str, str]]
    ) -> dict[str, Entry]:
        """Make these the only entries of a loader whose files stay at `url`.

        `found` has table and reason by path; the result has the entries by path.
        """
        now = datetime.now(UTC)
        wanted = {
            path: Entry(
                id=entry_id(path),
                loader=loader,
                kind="file",
                path=path,
                table=table,
                reason=reason,
                place=f"{url.rstrip('/')}/{path}",
                at=now,
                next_step="mend the file where it is; the next load reads it",
            )
            for path, (table, reason) in found.items()
        }
        for entry in self.entries([loader]):
            if entry.path not in wanted:
                self.settle(entry)
        for entry in wanted.values():
            self.note(entry)
        return wanted

    def keep_records(  # noqa: PLR0913
        self,
        loader: str,
        path: str,
        table: str,
        reason: str,
        records: Iterable[dict[str, Any]],
        *,
        again: bool = False,
    ) -> Entry:
        """Keep records that don't fit their table, each with its reason, before a load commits.

        The same records are one entry, however often they come. `again`: the input was loaded
        before, and what has been settled since stays settled.
        """
        lines = [json.dumps(record, default=str, ensure_ascii=False) for record in records]
        content = ("\n".join(lines) + "\n").encode(errors="surrogatepass")
        id_ = entry_id(path, hashlib.sha256(content).hexdigest())
        name = f"{safe_name(table)}.jsonl"
        path_kept = f"{self._root}/{loader}/{id_}/{name}"
        if not self._fs.exists(path_kept):  # it may have been corrected, but not put back yet
            write_atomically(self._fs, path_kept, content)
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
            next_step=f"correct the source or the records, then `{put_back(id_)}`",
        )
        if not (again and self._fs.exists(f"{self._root}/{loader}/{SETTLED}/{id_}.json")):
            self.note(entry)
        return entry

    def settle(self, entry: Entry) -> None:
        """Take an entry off the list, but keep the record of it."""
        source = f"{self._root}/{entry.loader}/{entry.id}.json"
        target = f"{self._root}/{entry.loader}/{SETTLED}/{entry.id}.json"
        write_atomically(self._fs, target, entry.model_dump_json(indent=2).encode())
        if self._fs.exists(source):
            self._fs.rm_file(source)

    def _notes(self, folder: str) -> list[str]:
        return [
            str(item["name"])
            for item in listed(self._fs, folder)
            if item["type"] == "file" and str(item["name"]).endswith(".json")
        ]

    def _read(self, path: str) -> Entry | None:
        try:
            return parsed(self._fs.cat_file(path), Entry, path)
        except FormatError:
            raise
        except (FileNotFoundError, ArtifactError):  # a file that is only named like an entry
            return None


def _kept_record(line: bytes, entry: Entry) -> KeptRecord:
    try:
        record = json.loads(line)
    except ValueError:  # edited by hand
        return KeptRecord("", "it is no line of JSON any more", line.decode(errors="replace"))
    found = dict(record) if isinstance(record, dict) else {"record": record}
    place, position = str(found.get("line", "")), found.get("position")
    if isinstance(position, int):
        place = f"record {position + 1}"
    content = found.get("cells", found.get("record", found))
    text = json.dumps(content, ensure_ascii=False)
    return KeptRecord(place, str(found.get("reason", entry.reason)), text)


def entry_id(path: str, version: str = "") -> str:
    """The id of an input's entry: equal for equal path and version."""
    return hashlib.sha256(f"{path}\0{version}".encode(errors="surrogatepass")).hexdigest()[:12]
