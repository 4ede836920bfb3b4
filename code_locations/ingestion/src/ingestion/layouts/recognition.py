"""Recognises the layout of a header."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ingestion.layouts.layout import Layout, fold
from stack.declarations import load_folder

# A header line with this many names is unique to a tool.
_DISTINCT = 6
_HEADER_WITHIN = 60


@cache
def layouts() -> tuple[Layout, ...]:
    """All layouts, by name. Raises DeclarationError."""
    return load_folder(Path(__file__).parent, Layout)


def peek(head: bytes) -> Layout | None:
    """The layout of delimited text, from the file's first bytes."""
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            text = head.decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(head) - 4:
                continue
            text = head[: error.start].decode(encoding)
        for line in text.splitlines()[:_HEADER_WITHIN]:
            for delimiter in ";,\t|":
                names = next(csv.reader([line], delimiter=delimiter), [])
                if len(names) > 1 and (found := recognise(names)):
                    return found
        return None
    return None


@cache
def _by_name() -> dict[str, list[tuple[Layout, frozenset[str]]]]:
    """Layouts with the names of each header line, keyed by the line's rarest name."""
    lines = [
        (layout, frozenset(fold(name) for name in line if name.strip()))
        for layout in layouts()
        for line in (*layout.headers, *([layout.needs] if layout.needs else []))
    ]
    counts: dict[str, int] = {}
    for _, names in lines:
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    found: dict[str, list[tuple[Layout, frozenset[str]]]] = {}
    for layout, names in lines:
        rarest = min(sorted(names), key=lambda name: counts[name])
        found.setdefault(rarest, []).append((layout, names))
    return found


def recognise(header: Sequence[str]) -> Layout | None:
    """The layout whose header line is contained in these names; the longest one wins.

    A short line must be the whole header, because its names could be anybody's.
    """
    return max(claims(header), key=lambda match: match[0], default=(0, None))[1]


def claims(header: Sequence[str]) -> list[tuple[int, Layout]]:
    """Every layout with a header line contained in these names, and the line's length."""
    names = frozenset(fold(name) for name in header if name.strip())
    index = _by_name()
    return [
        (len(line), layout)
        for name in names
        for layout, line in index.get(name, ())
        if line == names or (line < names and len(line) >= _DISTINCT)
    ]
