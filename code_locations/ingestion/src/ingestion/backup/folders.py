"""Files at URLs: results, alerts, exports, arrived files, set-aside files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.backup.archive import CHUNK, File, Writer, require_below
from ingestion.backup.aside import PREFIX
from ingestion.backup.errors import BackupError, not_empty
from ingestion.settings import BackupSettings, BooksSettings, IncomingSettings, QuarantineSettings
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.storage import facts_of, files_below, filesystem, printable

# A file that moves to another folder is found there by a later look; one that changes while it is
# read is saved by a later try.
LOOKS, TRIES = 4, 3
# What runs can make again, and what is saved as a part of its own.
_NOT_IN_HOME = {"scratch", "dlt", "dbt", "logs", "connectors", "dagster", "run.lock", "service"}


@dataclass(frozen=True)
class Folder:
    """Files at a fsspec URL; `without`: folders and files below it that don't belong to it."""

    name: str
    url: str
    without: frozenset[str] = frozenset()

    def files(self) -> dict[str, dict[str, Any]]:
        """fsspec's information on each file, by its path."""
        fs, root = filesystem(self.url)
        found = files_below(fs, root, self.without)
        return {path: info for path, info in found if path not in self.without}


def folders() -> list[Folder]:
    """All folders in the settings, in the order that files move through them."""
    stack, warehouse = load_settings(StackSettings), load_settings(WarehouseSettings)
    incoming = load_settings(IncomingSettings)
    urls = {
        "incoming": incoming.incoming,
        "processed": incoming.processed,
        "quarantine": load_settings(QuarantineSettings).quarantine,
        "exports": load_settings(BooksSettings).books,
        "alerts": stack.alerts,
        "artifacts": stack.artifacts,
        **(load_settings(BackupSettings).backup_folders or {}),
        "home": str(stack.stack_home),
    }
    file = warehouse.duckdb_file
    parts = [str(file), f"{file}.wal", warehouse.lake_data, warehouse.lake_catalog]
    found = []
    for name, url in urls.items():
        others = [other for key, other in urls.items() if key != name]
        without = set().union(*(_below(url, other) for other in [*others, *parts]))
        if name == "home":
            without |= _NOT_IN_HOME | {p.name for p in stack.stack_home.glob(f"{PREFIX}*")}
        found.append(Folder(name, url, frozenset(without)))
    return found


def _below(url: str, other: str) -> set[str]:
    """The path of `other` below `url`, if it is there."""
    inner = _normal(other).removeprefix(f"{_normal(url)}/")
    return {inner} if inner != _normal(other) else set()


def lies_in(url: str, folder: str) -> bool:
    """Whether `url` is `folder` or below it."""
    return _normal(url) == _normal(folder) or bool(_below(folder, url))


def _normal(url: str) -> str:
    return url.rstrip("/") if "://" in url else os.path.realpath(url)


def save(found: Iterable[Folder], writer: Writer) -> None:
    """Add the files of all folders, each below its folder's name.

    Files may appear, vanish and move meanwhile: any file that is always in one of the folders is
    saved.
    """
    found = list(found)
    for _ in range(LOOKS):
        if not sum(_save_news(folder, writer) for folder in found):
            break


def _save_news(folder: Folder, writer: Writer) -> int:
    """Add files that aren't added yet; return how many."""
    fs, root = filesystem(folder.url)
    members, left_out = writer.contents.members, writer.contents.left_out
    before = len(members)
    for path, info in folder.files().items():
        name = f"{folder.name}/{path}"
        shown = printable(name)
        if shown in members or shown in left_out:
            continue
        if info["type"] != "file":
            left_out[shown] = "neither a file nor a folder"
            continue
        with suppress(FileNotFoundError):  # if it moved, it is found in its new place
            if not _save_file(fs, f"{root}/{path}", name, writer):
                left_out[shown] = "it was written to all the time"
    return len(members) - before


def _save_file(fs: Any, path: str, name: str, writer: Writer) -> bool:
    """Add a file as of one moment; return False if it kept changing."""
    for _ in range(TRIES):
        before = facts_of(fs, path)
        with fs.open(path, "rb") as source, writer.spool() as copy:
            shutil.copyfileobj(source, copy, CHUNK)
            if _version(facts_of(fs, path)) == _version(before):
                size = copy.tell()
                copy.seek(0)
                writer.add(name, copy, size=size, mtime=_mtime(before))
                return True
    return False


def _version(info: dict[str, Any]) -> tuple[object, ...]:
    return tuple(info.get(key) for key in ("size", "mtime", "ino", "ETag", "LastModified"))


def _mtime(info: dict[str, Any]) -> float:
    moment = info.get("mtime") or info.get("LastModified") or 0
    return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)


def require_empty(found: Iterable[Folder], aside: Path | None) -> None:
    """Raise BackupError if any of them has a file, unless it is in `aside`."""
    for folder in found:
        if aside and lies_in(folder.url, str(aside)):
            continue
        for path in folder.files():
            raise not_empty(folder.url, f"a file, {printable(path)}")


def restorer(found: Iterable[Folder]) -> Callable[[File], None]:
    """A function that puts a backup's file where it belongs now."""
    roots = {folder.name: filesystem(folder.url) for folder in found}

    def put(file: File) -> None:
        require_below(file)
        name, _, path = file.name.partition("/")
        if name not in roots or not path:
            raise BackupError(f"the backup's file {printable(file.name)}", found="no such place")
        fs, root = roots[name]
        file.put(fs, f"{root}/{path}")

    return put
