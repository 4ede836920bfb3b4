"""Which files there are, what each is called, and which are new or changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stack.storage import facts_of, files_below, printable

Format = Literal["csv", "json", "jsonl", "parquet"]

# Parquet compresses inside the file; DuckDB reads the others through gzip.
_NAME = re.compile(
    r"(?P<stem>.+?)\.(?:(?P<text>csv|jsonl|ndjson|json)(?:\.gz)?|(?P<binary>parquet))$",
    re.IGNORECASE,
)
_FORMATS: dict[str, Format] = {
    "csv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
}
# What file systems and tools leave beside exports, or write before they rename.
PASSED_OVER = re.compile(r"(^|/)[._~]|\.(tmp|part|partial|crdownload|swp)$|~$", re.IGNORECASE)
NO_FORMAT = "it is none of .csv, .json, .jsonl, .ndjson, .parquet (or .gz of a text one)"
NO_FILE = "it is a pipe, a socket, a device or a link that leads nowhere, and no file"


@dataclass(frozen=True, order=True)
class Export:
    """A file below a URL.

    `modified` orders files (seconds, or an object store's date as text); `version` changes
    whenever the content may have. `path` is text that can be stored and shown; `name` is the
    file's path as its file system has it, whose bytes may not be UTF-8.
    """

    modified: str
    path: str
    version: str = ""
    size: int = 0
    name: str = ""
    regular: bool = True


@dataclass(frozen=True)
class Assigned:
    """An export with the name of the table that it belongs to, and how to read it."""

    export: Export
    table: str
    format: Format


@dataclass(frozen=True)
class Changes:
    """What to do about the exports found, against what was seen before."""

    to_load: tuple[Assigned, ...] = ()
    vanished: tuple[str, ...] = ()
    not_assigned: dict[str, str] = field(default_factory=dict)
    """Reason by path of each file that belongs to no table."""


def find_exports(fs: Any, root: str, without: Iterable[str] = ()) -> list[Export]:
    """All files below `root`, oldest first; none if there is no such folder.

    Folders `without` are not walked.
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
    """A file as fsspec describes it."""
    size = int(info.get("size") or 0)
    modified = info.get("mtime", info.get("LastModified", info.get("last_modified", "")))
    order = f"{modified:020.6f}" if isinstance(modified, float) else str(modified)
    mark = info.get("ETag") or info.get("etag") or f"{order}/{info.get('ino', '')}"
    regular = info.get("type") != "other"
    return Export(order, printable(name), f"{size}/{mark}", size, name, regular)


def assign(export: Export, tables: Iterable[str]) -> Assigned | str:
    """The export with its table, or the reason why it belongs to none."""
    parts = name_and_format(export.path)
    if not export.regular or parts is None:
        return NO_FORMAT if export.regular else NO_FILE
    names = tuple(tables)
    table = parts[0].lower()
    if table not in names:
        return f"no table is called {table!r}; the tables are {', '.join(names)}"
    return Assigned(export, table, parts[1])


def name_and_format(path: str) -> tuple[str, Format] | None:
    """What a file's table is called (its top folder, else itself) and its format, if it has one."""
    match = _NAME.fullmatch(path)
    if match is None:
        return None
    return match["stem"].split("/")[0], _FORMATS[(match["text"] or match["binary"]).lower()]


def changes(found: Iterable[Export], seen: Mapping[str, str], tables: Iterable[str]) -> Changes:
    """New and changed files in order, oldest first; `seen` is version by path."""
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
