"""Files out of the inbox: to `processed` once their rows are committed, to `quarantine` if bad."""

from __future__ import annotations

import hashlib
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ingestion.books.exports import describe
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
    if not _is_still(inbox, path, version):
        return None
    target = f"{folder}/{path}"
    if fs.exists(target):
        target = str(PurePosixPath(target).with_name(_marked(PurePosixPath(path).name, version)))
    fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
    if fs != inbox.fs:
        _carry(inbox.fs, source, fs, target)
        return target
    fs.mv(source, target)
    if "file" in fs.protocol and describe(fs, folder, target[len(folder) + 1 :]).version != version:
        # Written anew between the look and the move: it was not this one that was loaded.
        fs.mv(target, source)
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


def _is_still(inbox: Inbox, path: str, version: str) -> bool:
    try:
        return describe(inbox.fs, inbox.root, path).version == version
    except FileNotFoundError:
        return False


def _marked(name: str, version: str) -> str:
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{hashlib.sha256(version.encode()).hexdigest()[:12]}{dot}{suffix}"


def _carry(source_fs: Any, source: str, fs: Any, target: str) -> None:
    """From one file system to another."""
    with tempfile.TemporaryDirectory(prefix="incoming-") as folder:
        copy = str(Path(folder) / "file")
        source_fs.get_file(source, copy)
        fs.put_file(copy, target)
    source_fs.rm_file(source)
