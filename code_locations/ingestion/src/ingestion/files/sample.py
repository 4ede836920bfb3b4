"""The first rows of a text file, as each delimiter would split it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# An unclosed quote would turn the rest of the file into one cell.
LONGEST_CELL = 16 << 20
# The delimiter of a file with a single column: no text contains it.
NO_DELIMITER = "\x1f"
_NAMES = {
    ",": "a comma",
    ";": "a semicolon",
    "\t": "a tab",
    "|": "a bar",
    NO_DELIMITER: "none",
}
LOOKED_AT = 200
_SAMPLE_BYTES = 1 << 20
_ESCAPED = re.compile(rb'\\"[^;,\t|\r\n"]')


@dataclass(frozen=True)
class SampleRow:
    """A row: its cells, the line where it starts, the one where it ends, and the byte after it."""

    cells: list[str]
    line: int
    end_line: int
    end: int
    cut: bool = False  # the file ends within it


def trimmed(cells: Sequence[str]) -> list[str]:
    """The cells without the empty ones at the end."""
    found = list(cells)
    while found and not found[-1].strip():
        found.pop()
    return found


def sample_rows(
    path: Path, delimiter: str, quote: str | None, escape: str | None, skipped: int
) -> list[SampleRow]:
    """The first rows that aren't blank, up to a misplaced quote."""
    found: list[SampleRow] = []
    ends = [skipped]
    last = [""]
    lines = _counted(path, skipped, ends, last)
    reader = csv_reader(lines, delimiter, quote, escape, strict=False)
    before = 0
    limit = csv.field_size_limit(LONGEST_CELL)
    skipped_lines = 1 if skipped else 0
    try:
        for cells in reader:
            if cells:
                found.append(
                    SampleRow(
                        cells,
                        before + 1 + skipped_lines,
                        reader.line_num + skipped_lines,
                        ends[reader.line_num],
                        cut=not last[0].endswith(("\r", "\n")),
                    )
                )
            before = reader.line_num
            if len(found) >= LOOKED_AT or ends[-1] > _SAMPLE_BYTES * 8:
                break
    except csv.Error:
        pass
    finally:
        csv.field_size_limit(limit)
    return found


def csv_reader(
    lines: Iterator[str], delimiter: str, quote: str | None, escape: str | None, *, strict: bool
) -> csv._reader:  # type: ignore[name-defined, unused-ignore]
    """A `csv.reader` for this dialect."""
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        doublequote=escape is None,
        escapechar=escape,
        strict=strict,
    )


def lines_of(path: Path, start: int) -> Iterator[bytes]:
    """Lines from a byte on, including their ends: LF, CRLF or CR."""
    rest = b""
    with path.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(1 << 20):
            lines = (rest + chunk).splitlines(keepends=True)
            # The last one may continue, or its \r may be followed by a \n.
            rest = lines.pop() if lines else b""
            yield from lines
    yield from rest.splitlines(keepends=True)


def _counted(path: Path, start: int, ends: list[int], last: list[str]) -> Iterator[str]:
    for line in lines_of(path, start):
        ends.append(ends[-1] + len(line))
        last[0] = line.decode("utf-8", "replace")
        yield last[0]


def sep_line(path: Path) -> tuple[int, str]:
    """The size in bytes of a first line such as `sep=;`, and the delimiter that it names."""
    with path.open("rb") as stream:
        first = next(iter(stream.read(100).splitlines(keepends=True)), b"")
    text = first.decode("utf-8", "replace").strip("\r\n").strip('"')
    if text.lower().startswith("sep=") and len(text) == 5:
        return len(first), text[4]
    return 0, ""


def has_escapes(path: Path) -> bool:
    """Whether quotes within values are escaped by a backslash, and never doubled."""
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE_BYTES)
    doubled = start.replace(b',""', b"").count(b'""')
    # A backslash at the end of a cell is a plain one, as in "C:\\dir\\".
    return start.count(b'\\"') > doubled and bool(_ESCAPED.search(start))


def name_of(delimiter: str) -> str:
    """What people call a delimiter."""
    return _NAMES.get(delimiter, repr(delimiter))


def text_of(row: SampleRow, delimiter: str) -> str:
    """A row as a line, without its quotes; the beginning of a long one."""
    return delimiter.join(row.cells)[:500]
