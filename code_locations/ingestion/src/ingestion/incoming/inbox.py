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
from ingestion.quarantine import Quarantine, QuarantineError, entry_id
from ingestion.settings import IncomingSettings
from stack.artifacts import write_atomically
from stack.quarantine import Entry, put_back
from stack.storage import filesystem, safe_name

SOURCE = "files"
ASSET = "file_processing"
# Where files were set aside before there was one quarantine for all.
FORMER_QUARANTINE = "quarantine"
LONGEST_NAME_BYTES = 255
# The name of a file of rows that were put back.
_PUT_BACK = re.compile(r"put-back-[0-9a-f]+-(\d+)\.csv")


@dataclass(frozen=True)
class Target:
    """A file's table, without the prefix `files_`."""

    table: str


@dataclass(frozen=True)
class Inbox:
    """The open folder or bucket where files arrive; it need not exist yet."""

    url: str
    processed_url: str
    fs: Any
    root: str

    @classmethod
    def open(cls, settings: IncomingSettings) -> Inbox:
        """Open the inbox in the settings."""
        fs, root = filesystem(settings.incoming)
        return cls(settings.incoming, settings.processed, fs, root.rstrip("/"))

    def files(self) -> list[Export]:
        """Waiting files, oldest first. Folders of finished files are skipped.

        Raises what the file system raises if it can't be listed.
        """
        return [
            export
            for export in find_exports(self.fs, self.root, self._done)
            if not PASSED_OVER.search(export.path)
        ]

    @property
    def _done(self) -> list[str]:
        """Folders in the inbox that hold finished files."""
        fs, processed = filesystem(self.processed_url)
        inside = fs == self.fs and processed.startswith(f"{self.root}/")
        return [FORMER_QUARANTINE, *([processed.removeprefix(f"{self.root}/")] if inside else [])]

    def as_listed(self, file: Export) -> bool:
        """Whether a file is still the listed version. Raises FileNotFoundError."""
        return describe(self.fs, self.root, file).version == file.version

    def to_processed(self, file: Export) -> None:
        """Move a file whose rows are committed below `processed`, keeping its path."""
        fs, folder = filesystem(self.processed_url)
        self._move(file, fs, f"{folder}/{file.name}")

    def to_quarantine(
        self, file: Export, table: str, reason: str, quarantine: Quarantine
    ) -> Entry | None:
        """Record why a file can't be loaded, then move it into the quarantine.

        None if it is gone or no longer the listed version: then nothing is in the quarantine.
        """
        id_ = entry_id(file.path, file.version)
        url = quarantine.folder(SOURCE, id_)
        fs, folder = filesystem(url)
        name = safe_name(file.path.rsplit("/", 1)[-1])
        # The entry first: a crash in between must not leave a file without one.
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
        """Move a file from the quarantine back here; return its path. Raises QuarantineError.

        It keeps its original name, unless it was renamed in the quarantine.
        """
        fs, kept = quarantine.kept(entry)
        folder, slash, name = entry.path.rpartition("/")
        renamed = kept.rsplit("/", 1)[-1]
        path = f"{folder}{slash}{name if renamed == safe_name(name) else renamed}"
        if any(len(part.encode()) > LONGEST_NAME_BYTES for part in path.split("/")):
            # Bytes that aren't UTF-8 are escaped, which makes the name longer.
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
        """Write rows from the quarantine into a file of their table here; return its path."""
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
        """The folder where the entry's file would arrive again and be read by the same rules."""
        folder = entry.path.rpartition("/")[0] or name_of(entry.path) or ""
        if not folder or len(folder.encode()) > LONGEST_NAME_BYTES:
            folder = table_of(entry.path)
        # Not a folder of finished files: the hyphen doesn't change the table's name.
        return f"{folder}-" if folder in self._done else folder

    def _is_local(self, fs: Any) -> bool:
        return "file" in self.fs.protocol and "file" in fs.protocol

    def _move(self, file: Export, fs: Any, target: str) -> bool:
        """Move a file, unless it is gone or no longer the listed version.

        Its name gets a suffix if the target exists.
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
            # A link's target stays where it is.
            _carry(self.fs, source, fs, target)
            return True
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 any bytes
        _rename(source, target)
        after = find_one(fs, target)
        if after.size != file.size or after.modified > file.modified:
            # Written to between the check and the move: not the version that was loaded.
            _rename(target, _marked(source, file.version) if fs.exists(source) else source)
            return False
        return True


def find_one(fs: Any, path: str) -> Export:
    """The file at a full path, as it is now."""
    folder, _, name = path.rpartition("/")
    return describe(fs, folder, Export("", name, name=name))


def target_of(path: str, *, regular: bool = True) -> Target | str:
    """The table for the file at `path` (below the inbox), or the reason why there is none.

    A file in a folder belongs to the table named after its top folder, others to the table of their
    own name: `Orders 2026.csv` goes to `files_orders_2026`, `orders/2026/07.csv` to `files_orders`.
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
    """The header's line in a file of rows that were put back; None for any other file."""
    match = _PUT_BACK.fullmatch(path.rsplit("/", 1)[-1])
    return int(match[1]) if match else None


def table_of(path: str) -> str:
    """The table of a file, "" if it has none."""
    target = target_of(path)
    return target.table if isinstance(target, Target) else ""


def quiet_files(settings: IncomingSettings, held: Collection[str]) -> dict[str, str]:
    """The oldest files that nobody wrote to recently, version by path: a batch for a run by hand.

    Files of tables that other runs hold are left out.
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
    except ValueError:  # an object store's date; it shows only complete objects
        return True


def _marked(path: str, version: str) -> str:
    """The path with a suffix for this version before the name's first dot."""
    place = PurePosixPath(path)
    stem, dot, suffix = place.name.partition(".")
    mark = hashlib.sha256(version.encode()).hexdigest()[:12]
    name = f"{stem}-{mark}{dot}{suffix}"
    if len(os.fsencode(name)) > LONGEST_NAME_BYTES:
        name = f"{mark}-{safe_name(place.name)}"
    return str(place.with_name(name))


def _rename(source: str, target: str) -> None:
    """Rename if possible, else copy; a pipe is moved, never read."""
    try:
        os.rename(source, target)  # noqa: PTH104 any bytes
    except OSError:
        import shutil

        if not Path(source).is_file():
            raise
        shutil.move(source, target)


def _carry(source_fs: Any, source: str, fs: Any, target: str) -> None:
    """Move from one file system to another."""
    with tempfile.TemporaryDirectory(prefix="incoming-") as folder:
        copy = str(Path(folder) / "file")
        source_fs.get_file(source, copy)
        fs.put_file(copy, target)
    source_fs.rm_file(source)
