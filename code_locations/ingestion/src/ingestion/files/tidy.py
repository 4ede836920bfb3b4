"""Delimited text whose writer put something around cells or lines, rewritten without it.

Each line stays where it is, so that its number still tells a person where to look.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ingestion.files.dialect import Dialect
from ingestion.files.sample import NO_DELIMITER, lines_of

_DELIMITERS = b",;|"
_SAMPLE_BYTES = 1 << 16
_QUOTED = re.compile(rb'"(?:[^"]|"")*"')
_WRAPPED = re.compile(r'"(?:[^"]|"")*"')


def tidied(path: Path, target: Path, delimiter: str | None) -> str:
    """Write a tidier text in UTF-8 to `target`; what was left out, or "" if nothing was written.

    `delimiter` is what the text seems to have between its cells, None if that can't be told.
    """
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE_BYTES)
    whole = len(sample) < _SAMPLE_BYTES
    mark = _mark_with_blanks(sample, whole=whole)
    if mark and delimiter in (None, mark.decode()):
        with path.open("rb") as source, target.open("wb") as out:
            out.writelines(_without_blanks(rows, mark) for rows in _whole_rows(source))
        return "the blank beside each delimiter"
    lines = sample.decode("utf-8", "replace").splitlines()
    if delimiter in (None, NO_DELIMITER) and _are_wrapped(lines if whole else lines[:-1]):
        with path.open(encoding="utf-8", newline="") as source, target.open("wb") as out:
            out.writelines(_unwrapped(line).encode() for line in source)
        return "the quotes around each line"
    return ""


def cut_off(path: Path, target: Path, cells: Mapping[int, int], dialect: Dialect) -> None:
    """Write a text to `target` without so many empty cells at the ends of rows, by their lines.

    A row that goes on in other lines, or ends with anything else, stays as it is.
    """
    with path.open("rb") as source, target.open("wb") as out:
        out.write(source.read(dialect.start))
        for line, raw in enumerate(lines_of(path, dialect.start), dialect.line):
            text = raw.rstrip(b"\r\n")
            ending = dialect.delimiter.encode() * cells.get(line, 0)
            kept = text[: -len(ending)] if ending and text.endswith(ending) else text
            out.write(kept + raw[len(text) :])


def _whole_rows(source: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, joined where quotes go on in the next one."""
    rest = b""
    for line in source:
        rest += line
        if rest.count(b'"') % 2 == 0:
            yield rest
            rest = b""
    yield rest


def _mark_with_blanks(sample: bytes, *, whole: bool) -> bytes:
    """The delimiter that a blank follows everywhere, as often in each line; b"" if none is so."""
    lines = [line for line in _QUOTED.sub(b'""', sample).splitlines() if line.strip()]
    lines = lines if whole else lines[:-1]
    if len(lines) < 2:
        return b""
    for sign in _DELIMITERS:
        mark = bytes([sign])
        counts = {line.count(mark) for line in lines}
        if len(counts) > 1 or 0 in counts:
            continue
        if all(line.count(mark) == (line.strip() + b" ").count(mark + b" ") for line in lines):
            return mark
    return b""


def _without_blanks(content: bytes, mark: bytes) -> bytes:
    """The text without blanks beside a delimiter, except within quotes."""
    outside = re.compile(_QUOTED.pattern + rb"|[ ]*(" + re.escape(mark) + rb")[ ]+")
    return outside.sub(lambda found: found[1] or found[0], content)


def _are_wrapped(lines: Sequence[str]) -> bool:
    """Whether each line is a quoted row of several cells, but perhaps the first, the header."""
    rows = [line for line in lines if line.strip("\ufeff \t")]
    if len(rows) < 2 or not all(_WRAPPED.fullmatch(row.strip()) for row in rows[1:]):
        return False
    inner = [_unwrapped(row) for row in rows]
    for mark in map(chr, _DELIMITERS):
        widths = {len(cells) for cells in csv.reader(inner, delimiter=mark)}
        if len(widths) == 1 and widths != {1} and not all(f"{mark} " in row for row in inner):
            return True
    return False


def _unwrapped(line: str) -> str:
    text = line.rstrip("\r\n")
    end = line[len(text) :]
    text = text.strip("\ufeff \t")
    return (text[1:-1].replace('""', '"') if _WRAPPED.fullmatch(text) else text) + end
