"""Notes on exports that can't be loaded: one JSON file each; the export stays where it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stack.artifacts import write_atomically
from stack.storage import filesystem

_FOLDER = "books"


def write_notes(url: str, notes: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the notes in `url`/books exactly those given, by path of the export.

    A note that says the same already isn't written again.
    """
    fs, root = filesystem(url)
    folder = f"{root.rstrip('/')}/{_FOLDER}"
    wanted = {f"{path.replace('/', '__')}.json": note for path, note in notes.items()}
    present = {name.rsplit("/", 1)[-1] for name in fs.find(folder)} if fs.exists(folder) else set()
    for name in present - wanted.keys():
        fs.rm_file(f"{folder}/{name}")
    for name, note in wanted.items():
        content = json.dumps(note, indent=2, ensure_ascii=False).encode()
        path = f"{folder}/{name}"
        if name not in present or fs.cat_file(path) != content:
            write_atomically(fs, path, content)
