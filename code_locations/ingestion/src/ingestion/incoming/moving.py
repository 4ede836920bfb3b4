"""Files out of the inbox: to `processed` once their rows are committed, to `quarantine` if bad."""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ingestion.books.exports import Export, describe
from ingestion.incoming.arrivals import Inbox
from stack.artifacts import write_atomically
from stack.storage import filesystem

NOTE_SUFFIX = ".reason.json"


def move(inbox: Inbox, path: str, version: str, url: str) -> str | None:
    """Move a file of the inbox to `url`, below which it keeps its path; return where it is.

    Its name gets a suffix if there is one of that name. A file that isn't the one of `version`
    any more stays, as another arrival: the result is None, as when it is gone.
    """
    fs, folder = filesystem(url)
    source = f"{inbox.root}/{path}"
    before = _as_listed(inbox, path, version)
    if before is None:
        return None
    target = f"{folder}/{path}"
    if fs.exists(target):
        target = _marked(target, version)
    fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    if fs != inbox.fs:
        _carry(inbox.fs, source, fs, target)
        return target
    fs.mv(source, target)
    if "file" in fs.protocol:
        after = describe(fs, folder, target[len(folder) + 1 :])
        if after.size != before.size or after.modified > before.modified:
            # Written to between the look and the move: it isn't what was loaded.
            fs.mv(target, _marked(source, version) if fs.exists(source) else source)
            return None
    return target


def note_reason(url: str, path: str, reason: str, inbox_url: str) -> None:
    """Write why the file at `path` is in quarantine, beside where it will be."""
    fs, folder = filesystem(url)
    note = {
        "file": path,
        "from": inbox_url,
        "reason": reason,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "next": "mend the file and drop it again",
    }
    content = json.dumps(note, indent=2, ensure_ascii=False).encode()
    place = PurePosixPath(f"{folder}/{path}")
    write_atomically(fs, str(place.with_name(f"{place.name[:200]}{NOTE_SUFFIX}")), content)


def _as_listed(inbox: Inbox, path: str, version: str) -> Export | None:
    try:
        found = describe(inbox.fs, inbox.root, path)
    except FileNotFoundError:
        return None
    return found if found.version == version else None


def _marked(path: str, version: str) -> str:
    """The path with a suffix before the name's first dot that belongs to this version."""
    place = PurePosixPath(path)
    stem, dot, suffix = place.name.partition(".")
    mark = hashlib.sha256(version.encode()).hexdigest()[:12]
    return str(place.with_name(f"{stem}-{mark}{dot}{suffix}"))


def _carry(source_fs: Any, source: str, fs: Any, target: str) -> None:
    """From one file system to another."""
    with tempfile.TemporaryDirectory(prefix="incoming-") as folder:
        copy = str(Path(folder) / "file")
        source_fs.get_file(source, copy)
        fs.put_file(copy, target)
    source_fs.rm_file(source)
