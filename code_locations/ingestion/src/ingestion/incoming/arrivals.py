"""Which files have arrived, and which raw table each of them belongs to."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from ingestion.books.exports import (
    NO_FORMAT,
    PASSED_OVER,
    Export,
    Format,
    export_of,
    find_exports,
    name_and_format,
)
from ingestion.settings import IncomingSettings
from stack.storage import filesystem

SOURCE = "files"
LONGEST_NAME = 100


@dataclass(frozen=True)
class Target:
    """The table of a file, without the prefix `files_`, and the file's format."""

    table: str
    format: Format


@dataclass(frozen=True)
class Inbox:
    """The place where files arrive, opened. `done` are folders in it that files move to."""

    fs: Any
    root: str
    done: tuple[str, ...]

    @classmethod
    def open(cls, settings: IncomingSettings) -> Inbox:
        """The inbox of the settings; it need not exist yet."""
        fs, root = filesystem(settings.incoming)
        done = []
        for url in (settings.processed, settings.quarantine):
            other, path = filesystem(url)
            if other == fs:
                done.append(path)
        return cls(fs, root.rstrip("/"), tuple(done))

    def files(self) -> list[Export]:
        """Files that wait here, oldest first. Folders of files that are done are not walked.

        Raises what the file system raises when it can't be listed.
        """
        try:
            entries = self.fs.ls(self.root, detail=True)
        except FileNotFoundError:
            return []
        found = []
        for entry in entries:
            full = str(entry["name"]).rstrip("/")
            name = full.rsplit("/", 1)[-1]
            if full in self.done or full == self.root or PASSED_OVER.search(name):
                continue
            if entry["type"] == "directory":
                found += [
                    replace(export, path=f"{name}/{export.path}")
                    for export in find_exports(self.fs, full)
                    if not self._is_done(f"{full}/{export.path}")
                ]
            else:
                found.append(export_of(name, entry))
        return sorted(found)

    def _is_done(self, full: str) -> bool:
        return any(full.startswith(f"{folder}/") for folder in self.done)


def target_of(path: str) -> Target | str:
    """Where the file at `path` (below the inbox) goes, or the reason why nowhere.

    A file in a folder belongs to the table that its top folder is named for, else to that of
    its own name: `Orders 2026.csv` goes to `files_orders_2026`, `orders/2026/07.csv` to
    `files_orders`.
    """
    parts = name_and_format(path)
    if parts is None:
        return NO_FORMAT
    table = table_name(parts[0])
    if not table:
        return f"its name {parts[0]!r} has no letter from A to Z or digit to name a table after"
    return Target(table, parts[1])


def table_of(path: str) -> str:
    """The table of a file, "" if it has none."""
    target = target_of(path)
    return target.table if isinstance(target, Target) else ""


def table_name(name: str) -> str:
    """A name in lower case, of the letters a to z, digits and single underscores between them."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:LONGEST_NAME].rstrip("_")


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
