"""Which exports there are, which table each belongs to, and which are new or changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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


@dataclass(frozen=True, order=True)
class Export:
    """A file below the exports' URL.

    `modified` orders files (seconds, or an object store's date as text); `version` changes
    whenever the content may have.
    """

    modified: str
    path: str
    version: str
    size: int


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


def find_exports(fs: Any, root: str) -> list[Export]:
    """All files below `root`, oldest first; none if there is no such folder."""
    root = root.rstrip("/")
    try:
        found = fs.find(root, detail=True)
    except FileNotFoundError:
        return []
    exports = []
    for name, info in found.items():
        path = name.removeprefix(root).lstrip("/")
        if path and not PASSED_OVER.search(path):
            exports.append(export_of(path, info))
    return sorted(exports)


def describe(fs: Any, root: str, path: str) -> Export:
    """One export as it is now. Raises FileNotFoundError if it is gone."""
    full = f"{root.rstrip('/')}/{path}"
    fs.invalidate_cache(full.rsplit("/", 1)[0])
    return export_of(path, fs.info(full))


def export_of(path: str, info: Mapping[str, Any]) -> Export:
    """An export as fsspec describes it."""
    size = int(info.get("size") or 0)
    modified = info.get("mtime", info.get("LastModified", info.get("last_modified", "")))
    order = f"{modified:020.6f}" if isinstance(modified, float) else str(modified)
    mark = info.get("ETag") or info.get("etag") or f"{order}/{info.get('ino', '')}"
    return Export(modified=order, path=path, version=f"{size}/{mark}", size=size)


def assign(export: Export, tables: Iterable[str]) -> Assigned | str:
    """The export with its table, or the reason why it belongs to none."""
    parts = name_and_format(export.path)
    if parts is None:
        return NO_FORMAT
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
