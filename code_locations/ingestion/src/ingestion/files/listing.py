"""Which files there are, what each is called, and which are new or changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stack.storage import facts_of, files_below, printable

# The name only decides whether a file is looked at; the content decides what it is.
SUFFIXES = (
    "csv", "tsv", "tab", "txt", "json", "jsonl", "ndjson", "parquet", "xlsx", "xlsm", "xlsb", "xls",
    "ods", "xml", "sta", "mta", "mt940", "940", "ofx", "qfx",
)  # fmt: skip
_NAME = re.compile(
    rf"(?P<stem>.+?)\.(?:(?:{'|'.join(SUFFIXES)})(?:\.(?:gz|zip))?|gz|zip)$",
    re.IGNORECASE | re.DOTALL,
)
# What file systems and tools leave beside exports, or write before they rename.
PASSED_OVER = re.compile(r"(^|/)[._~]|\.(tmp|part|partial|crdownload|swp)$|~$", re.IGNORECASE)
NO_FORMAT = f"its name ends with none of {', '.join(SUFFIXES)} (or gz or zip)"
NO_FILE = "it is a pipe, a socket, a device or a link that leads nowhere, and no file"


@dataclass(frozen=True, order=True)
class Export:
    """A file below a URL.

    `modified` orders files (seconds, or an object store's date as text); `version` changes
    whenever the content may have. `path` can be stored and shown; `name` is the path as the file
    system has it, whose bytes may not be UTF-8.
    """

    modified: str
    path: str
    version: str = ""
    size: int = 0
    name: str = ""
    regular: bool = True

    @property
    def written_at(self) -> datetime:
        """When it was last written, UTC; now, if its file system doesn't say."""
        try:
            at = datetime.fromtimestamp(float(self.modified), UTC)
        except ValueError:
            try:
                at = datetime.fromisoformat(self.modified)
            except ValueError:
                at = datetime.now(UTC)
        return at.astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Assigned:
    """An export and the name of the table that it belongs to."""

    export: Export
    table: str


@dataclass(frozen=True)
class Changes:
    """What to do about the exports found, given what was seen before."""

    to_load: tuple[Assigned, ...] = ()
    vanished: tuple[str, ...] = ()
    not_assigned: dict[str, str] = field(default_factory=dict)
    """Reason by path, for each file that belongs to no table."""


def find_exports(fs: Any, root: str, without: Iterable[str] = ()) -> list[Export]:
    """All files below `root`, oldest first; none if there is no such folder.

    The folders `without` are not searched.
    """
    return sorted(
        export_of(path, facts)
        for path, facts in files_below(fs, root, tuple(without))
        if not PASSED_OVER.search(path)
    )


def describe(fs: Any, root: str, export: Export) -> Export:
    """A file as it is now. Raises FileNotFoundError if it is gone."""
    return export_of(export.name, facts_of(fs, f"{root.rstrip('/')}/{export.name}"))


def export_of(name: str, info: Mapping[str, Any]) -> Export:
    """A file from fsspec's description."""
    size = int(info.get("size") or 0)
    modified = info.get("mtime", info.get("LastModified", info.get("last_modified", "")))
    order = f"{modified:020.6f}" if isinstance(modified, float) else str(modified)
    mark = info.get("ETag") or info.get("etag") or f"{order}/{info.get('ino', '')}"
    regular = info.get("type") != "other"
    return Export(order, printable(name), f"{size}/{mark}", size, name, regular)


def assign(export: Export, tables: Iterable[str]) -> Assigned | str:
    """The export with its table, or the reason why it belongs to none."""
    name = name_of(export.path)
    if not export.regular or name is None:
        return NO_FORMAT if export.regular else NO_FILE
    names = tuple(tables)
    table = name.lower()
    if table not in names:
        return f"no table is called {table!r}; the tables are {', '.join(names)}"
    return Assigned(export, table)


def name_of(path: str) -> str | None:
    """The table name of a file: its top folder, or else its own name. None: it can't hold rows."""
    match = _NAME.fullmatch(path)
    return match["stem"].split("/")[0] if match else None


def changes(found: Iterable[Export], seen: Mapping[str, str], tables: Iterable[str]) -> Changes:
    """New and changed files, oldest first; `seen` maps path to version."""
    names = tuple(tables)
    to_load, not_assigned, paths = [], {}, set()
    for export in sorted(found):
        paths.add(export.path)
        assigned = assign(export, names)
        if isinstance(assigned, str):
            not_assigned[export.path] = assigned
        elif seen.get(export.path) != export.version:
            to_load.append(assigned)
    vanished = tuple(path for path in seen if path not in paths)
    return Changes(tuple(to_load), vanished, not_assigned)
