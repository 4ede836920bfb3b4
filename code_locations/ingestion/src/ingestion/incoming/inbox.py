"""The place where files arrive: what waits there, and how a file leaves it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ingestion.files.listing import (
    NO_FILE,
    NO_FORMAT,
    PASSED_OVER,
    Export,
    describe,
    find_exports,
    name_of,
)
from ingestion.files.names import table_name
from ingestion.quarantine import Entry, Quarantine, QuarantineError, entry_id, put_back
from ingestion.settings import IncomingSettings
from stack.artifacts import write_atomically
from stack.storage import filesystem, safe_name

SOURCE = "files"
ASSET = "file_processing"
# Where files were set aside before there was one quarantine.
FORMER_QUARANTINE = "quarantine"
LONGEST_NAME_BYTES = 255
# Rows that were set aside come back as a file that is called so.
_PUT_BACK = re.compile(r"put-back-[0-9a-f]+-(\d+)\.csv")


@dataclass(frozen=True)
class Target:
    """The table of a file, without the prefix `files_`."""

    table: str


@dataclass(frozen=True)
class Inbox:
    """The folder or bucket where files arrive, opened; it need not exist yet."""

    url: str
    processed_url: str
    fs: Any
    root: str

    @classmethod
    def open(cls, settings: IncomingSettings) -> Inbox:
        """The inbox of the settings."""
        fs, root = filesystem(settings.incoming)
        return cls(settings.incoming, settings.processed, fs, root.rstrip("/"))

    def files(self) -> list[Export]:
        """Files that wait here, oldest first. Folders of files that are done are not walked.

        Raises what the file system raises when it can't be listed.
        """
        return [
            export
            for export in find_exports(self.fs, self.root, self._done)
            if not PASSED_OVER.search(export.path)
        ]

    @property
    def _done(self) -> list[str]:
        """Folders here of files that are done with."""
        fs, processed = filesystem(self.processed_url)
        inside = fs == self.fs and processed.startswith(f"{self.root}/")
        return [FORMER_QUARANTINE, *([processed.removeprefix(f"{self.root}/")] if inside else [])]

    def as_listed(self, file: Export) -> bool:
        """Whether a file is still the one that was listed. Raises FileNotFoundError."""
        return describe(self.fs, self.root, file).version == file.version

    def to_processed(self, file: Export) -> None:
        """Move a file whose rows are committed below `processed`, where it keeps its path."""
        fs, folder = filesystem(self.processed_url)
        self._move(file, fs, f"{folder}/{file.name}")

    def to_quarantine(
        self, file: Export, table: str, reason: str, quarantine: Quarantine
    ) -> Entry | None:
        """Note why a file can't be loaded, then move it into the quarantine.

        None if it isn't the one that was listed any more, or is gone: then nothing waits there.
        """
        id_ = entry_id(file.path, file.version)
        url = quarantine.folder(SOURCE, id_)
        fs, folder = filesystem(url)
        name = safe_name(file.path.rsplit("/", 1)[-1])
        # The note first: no file without one, also if this dies in between.
        entry = Entry(
            id=id_,
            loader=SOURCE,
            kind="file",
            path=file.path,
            table=f"{SOURCE}_{table}" if table else "",
            reason=reason,
            place=f"{url}/{name}",
            at=datetime.now(UTC),
            next_step=f"mend or rename it there, then `{put_back(id_)}`",
        )
        quarantine.note(entry)
        if self._move(file, fs, f"{folder}/{name}"):
            return entry
        quarantine.settle(entry)
        return None

    def put_back(self, entry: Entry, quarantine: Quarantine) -> str:
        """Move a file of the quarantine back here; return its path. Raises QuarantineError.

        It has the name that it had, unless it was renamed in the quarantine.
        """
        fs, kept = quarantine.kept(entry)
        folder, slash, name = entry.path.rpartition("/")
        renamed = kept.rsplit("/", 1)[-1]
        path = f"{folder}{slash}{name if renamed == safe_name(name) else renamed}"
        if any(len(part.encode()) > LONGEST_NAME_BYTES for part in path.split("/")):
            # Its bytes that are no UTF-8 are spelled out, and longer.
            path = f"{table_of(path)}/{entry.id}-{safe_name(name)}"
        target = f"{self.root}/{path}"
        if self.fs.exists(target):
            raise QuarantineError(
                entry.path,
                found="another file of this name in the inbox",
                next_step="wait until it is loaded, and put this one back then",
            )
        self.fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        if self._is_local(fs):
            _rename(kept, target)
        else:
            _carry(fs, kept, self.fs, target)
        return path

    def put_back_rows(self, entry: Entry, quarantine: Quarantine) -> str:
        """Write rows of the quarantine into a file of their table here; return its path."""
        fs, kept = quarantine.kept(entry)
        try:
            rows = [json.loads(line) for line in fs.cat_file(kept).splitlines() if line.strip()]
            above = [" ".join(line.splitlines()) for line in rows[0].get("above", [])]
            text = io.StringIO()
            text.writelines(f"{line}\r\n" for line in above)
            writer = csv.writer(text)
            writer.writerows([rows[0]["header"], *(row["cells"] for row in rows)])
        except (FileNotFoundError, ValueError, LookupError, TypeError) as error:
            raise QuarantineError(
                entry.path,
                found=f"{entry.place} can't be read: {error!r}",
                expected="a line of JSON a row, with its header and its cells",
                next_step="drop a corrected file into the inbox, then settle the entry",
            ) from error
        path = f"{self._folder_of(entry)}/put-back-{entry.id}-{len(above) + 1}.csv"
        target = f"{self.root}/{path}"
        self.fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        write_atomically(self.fs, target, text.getvalue().encode())
        return path

    def _folder_of(self, entry: Entry) -> str:
        """Where a file of the table of the entry's file arrives, read by the same rules."""
        folder = entry.path.rpartition("/")[0] or name_of(entry.path) or ""
        if not folder or len(folder.encode()) > LONGEST_NAME_BYTES:
            folder = table_of(entry.path)
        # Not where files are that are done with: the table is the same without the sign.
        return f"{folder}-" if folder in self._done else folder

    def _is_local(self, fs: Any) -> bool:
        return "file" in self.fs.protocol and "file" in fs.protocol

    def _move(self, file: Export, fs: Any, target: str) -> bool:
        """Move a file, unless it isn't the one listed any more, or gone: then it stays.

        Its name gets a suffix if there is one of that name.
        """
        source = f"{self.root}/{file.name}"
        try:
            if not self.as_listed(file):
                return False
        except FileNotFoundError:
            return False
        if fs.exists(target):
            target = _marked(target, file.version)
        fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        if not self._is_local(fs) or Path(source).is_symlink():
            # What a link leads to stays where it is.
            _carry(self.fs, source, fs, target)
            return True
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 any bytes
        _rename(source, target)
        after = find_one(fs, target)
        if after.size != file.size or after.modified > file.modified:
            # Written to between the look and the move: it isn't what was loaded.
            _rename(target, _marked(source, file.version) if fs.exists(source) else source)
            return False
        return True


def find_one(fs: Any, path: str) -> Export:
    """A file at a whole path as it is now."""
    folder, _, name = path.rpartition("/")
    return describe(fs, folder, Export("", name, name=name))


def target_of(path: str, *, regular: bool = True) -> Target | str:
    """Where the file at `path` (below the inbox) goes, or the reason why nowhere.

    A file in a folder belongs to the table that its top folder is named for, else to that of
    its own name: `Orders 2026.csv` goes to `files_orders_2026`, `orders/2026/07.csv` to
    `files_orders`.
    """
    if not regular:
        return NO_FILE
    name = name_of(path)
    if name is None:
        return NO_FORMAT
    table = table_name(name)
    if not table:
        return f"its name {name!r} has no letter or digit to name a table after"
    return Target(table)


def header_line_of(path: str) -> int | None:
    """Where the header is in a file of rows that were put back; None of any other file."""
    match = _PUT_BACK.fullmatch(path.rsplit("/", 1)[-1])
    return int(match[1]) if match else None


def table_of(path: str) -> str:
    """The table of a file, "" if it has none."""
    target = target_of(path)
    return target.table if isinstance(target, Target) else ""


def quiet_files(settings: IncomingSettings, held: Collection[str]) -> dict[str, str]:
    """Version by path of the oldest files that nobody wrote to lately: the batch of a run by hand.

    Files of the tables that other runs hold are left out.
    """
    latest = time.time() - settings.incoming_settle_seconds
    quiet = [
        file
        for file in Inbox.open(settings).files()
        if _written_before(file, latest) and table_of(file.path) not in held
    ]
    return {file.path: file.version for file in quiet[: settings.incoming_files_a_run]}


def _written_before(file: Export, latest: float) -> bool:
    try:
        return float(file.modified) <= latest
    except ValueError:  # an object store's date: it shows objects whole or not at all
        return True


def _marked(path: str, version: str) -> str:
    """The path with a suffix before the name's first dot that belongs to this version."""
    place = PurePosixPath(path)
    stem, dot, suffix = place.name.partition(".")
    mark = hashlib.sha256(version.encode()).hexdigest()[:12]
    name = f"{stem}-{mark}{dot}{suffix}"
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = f"{mark}-{safe_name(place.name)}"
    return str(place.with_name(name))


def _rename(source: str, target: str) -> None:
    """As a rename where that can be had: a pipe is moved, never read."""
    try:
        os.rename(source, target)  # noqa: PTH104 any bytes
    except OSError:
        import shutil

        if not Path(source).is_file():
            raise
        shutil.move(source, target)


def _carry(source_fs: Any, source: str, fs: Any, target: str) -> None:
    """From one file system to another."""
    with tempfile.TemporaryDirectory(prefix="incoming-") as folder:
        copy = str(Path(folder) / "file")
        source_fs.get_file(source, copy)
        fs.put_file(copy, target)
    source_fs.rm_file(source)
