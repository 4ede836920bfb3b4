"""How the rows of a text file are written: delimiter, quotes, and where the header is.

Nothing is guessed from a sample that later rows could contradict unseen: `records` reads with what
is found here, and sets a row aside that doesn't fit.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import WORDS_ONLY, header_or_data
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules

DELIMITERS = (";", ",", "\t", "|")
# Between columns where there is one column only: no text has it.
NO_DELIMITER = "\x1f"
_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", NO_DELIMITER: "none"}
_LOOKED_AT = 200
# A quote that never closes would make one cell of the rest of the file.
LONGEST_CELL = 16 << 20
_HEADER_WITHIN = 60
_SAMPLE_BYTES = 1 << 20
# Share of the rows below a header that have its width.
_EVEN = 0.6
_WELL = 0.9
_GAP = re.compile(r"\S {2,}(?=\S)")
_ESCAPED = re.compile(rb'\\"[^;,\t|\r\n"]')


@dataclass(frozen=True)
class Dialect:
    """How a text file in UTF-8 is read.

    `names` are the header's as they stand there; rows have `width` cells and begin at byte `start`,
    on line `line` (from 1). `preamble` are the lines before the header. `reasons` say why.
    """

    delimiter: str
    names: tuple[str, ...]
    width: int
    start: int
    line: int
    quote: str | None = '"'
    escape: str | None = None
    preamble: tuple[str, ...] = ()
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    cells: list[str]
    line: int  # where it begins
    end_line: int
    end: int  # byte after it
    cut: bool = False  # the file ends within it


Known = Callable[[Sequence[str]], bool]


def find_dialect(
    path: Path, rules: ReadingRules = NOTHING_DECLARED, known: Known | None = None
) -> Dialect:
    """The dialect of a text file in UTF-8; what is declared isn't looked for.

    `known` says whether a header is one of a known layout. Raises UnreadableFileError with the
    reason if no line can be the header.
    """
    quote = None if rules.quote == "" else rules.quote or '"'
    escape = "\\" if _has_escapes(path) else None
    skipped, named = _sep_line(path)
    delimiters = (
        (rules.delimiter,)
        if rules.delimiter
        else (named,)
        if named
        else (*DELIMITERS, NO_DELIMITER)
    )
    tried = {d: _rows(path, d, quote, escape, skipped) for d in delimiters}
    reason = "it is declared" if rules.delimiter else "its first line says so" if named else ""
    if rules.header or rules.header_line is not None:
        found = _declared(tried, rules)
    else:
        found = _known(tried, known) or _best(tried)
    delimiter, at, why = found
    rows = tried[delimiter]
    header = rows[at] if at >= 0 else None
    body = rows[at + 1 :]
    names = list(header.cells) if header else []
    if rules.header:
        names = list(rules.header)
    widths = Counter(len(row.cells) for row in body)
    width = len(names)
    if widths and widths.most_common(1)[0][0] == width + 1 and _last_is_empty(body, width):
        names.append("")  # the rows end with a delimiter, the header doesn't
        width += 1
    elif (
        known
        and len(widths) == 1
        and 1 < (found_width := next(iter(widths))) < width
        and known(names[:found_width])  # its writer leaves the last columns out
    ):
        names = names[:found_width]
        width = found_width
    first = rows[0].line if rows else 1
    start, line = (header.end, header.end_line + 1) if header else (skipped, first)
    return Dialect(
        delimiter=delimiter,
        names=tuple(names),
        width=width,
        start=start,
        line=line,
        quote=quote,
        escape=escape,
        preamble=tuple(_text(row, delimiter) for row in rows[: max(at, 0)]),
        reasons={
            "delimiter": f"{_NAMES.get(delimiter, repr(delimiter))}"
            + (f": {reason}" if reason else ""),
            "header": f"line {header.line}: {why}" if header else why,
        },
    )


def _declared(tried: dict[str, list[_Row]], rules: ReadingRules) -> tuple[str, int, str]:
    """Where the header was declared to be; -1: the file has none."""
    delimiter = (
        next(iter(tried)) if len(tried) == 1 else max(tried, key=lambda d: _evenness(tried[d]))
    )
    if rules.header_line in (None, 0) and rules.header:
        return delimiter, -1, "the names are declared"
    for at, row in enumerate(tried[delimiter]):
        if row.line <= (rules.header_line or 1) <= row.end_line:
            return delimiter, at, "it is declared"
    raise UnreadableFileError(
        f"it has no line {rules.header_line}, the declared line of its header"
    )


def _evenness(rows: list[_Row]) -> tuple[float, int]:
    widths = Counter(len(row.cells) for row in rows)
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    return (count / max(len(rows), 1) if width > 1 else 0.0, width)


def _known(tried: dict[str, list[_Row]], known: Known | None) -> tuple[str, int, str] | None:
    if known is None:
        return None
    for delimiter, rows in tried.items():
        for at, row in enumerate(rows[:_HEADER_WITHIN]):
            if len(row.cells) > 1 and known(row.cells):
                return delimiter, at, "it is the header of a known layout"
    return None


@dataclass(frozen=True)
class _Candidate:
    """A line that may be the header; of several the one with the highest `place` is."""

    place: tuple[bool, float, bool, int, float, int]
    delimiter: str
    at: int
    why: str
    row: _Row


def _best(tried: dict[str, list[_Row]]) -> tuple[str, int, str]:
    """The delimiter and header line that fit the rows below best."""
    candidates: list[_Candidate] = []
    like_data: list[_Candidate] = []
    for delimiter, rows in tried.items():
        for found in _candidates(delimiter, rows):
            (candidates if found.why else like_data).append(found)
    best = max(candidates, default=None, key=lambda c: c.place)
    data = max(like_data, default=None, key=lambda c: c.place)
    if data and (best is None or (data.at == 0 and data.place > best.place)):
        cells = ", ".join(_trimmed(data.row.cells)[:3])
        raise UnreadableFileError(
            f"it has no header: line {data.row.line} ({cells[:60]}) looks like a row; put a line "
            "with the columns' names on top, or declare them"
        )
    if best is None:
        raise UnreadableFileError(
            "no line of its first 60 fits as the header of the rows below it, with a comma, "
            "semicolon, tab or bar between the columns; declare its header_line and delimiter"
        )
    if len(best.row.cells) == 1:
        _refuse_uneven(tried)
        _refuse_fixed_width(tried[best.delimiter][best.at :])
    _refuse_table_above(tried[best.delimiter][: best.at + 1])
    return best.delimiter, best.at, best.why


def _candidates(delimiter: str, rows: list[_Row]) -> Iterator[_Candidate]:
    """The first line that fits; where the rows below are of several widths, also a wider one."""
    least = 0
    odd = sum(any(cell.count('"') % 2 for cell in row.cells) for row in rows) / max(len(rows), 1)
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        names = _trimmed(row.cells)
        if (len(row.cells) == 1 and delimiter != NO_DELIMITER) or len(names) <= least:
            continue
        if delimiter == NO_DELIMITER and len(row.cells) == 1 and '"' in row.cells[0]:
            return  # between its quotes there is a delimiter
        fit = _fit(rows, at)
        if fit is None or (least and fit < _WELL):
            continue
        why = header_or_data(names, [r.cells for r in rows[at + 1 :]])
        told = why not in ("", WORDS_ONLY)
        prose = delimiter == "," and all(name.startswith(" ") for name in names[1:])
        if (at and prose and not told) or (least and not told):
            continue
        # Above a wider line stand names and values of the file, two to a line.
        if least and any(sum(map(bool, _trimmed(above.cells))) > 2 for above in rows[:at]):
            return
        width = len(names)
        place = (width > 1, 0.0 if told else -round(odd, 1), fit >= _WELL, width, fit, -at)
        yield _Candidate(place, delimiter, at, why, row)
        if told or not why or fit >= _WELL:
            return
        least = max(width, 2)


def _refuse_uneven(tried: dict[str, list[_Row]]) -> None:
    """Refuse a file of one column whose lines all have a delimiter."""
    for delimiter, rows in tried.items():
        if delimiter == NO_DELIMITER or len(rows) < 2 or len(rows[0].cells) < 2:
            continue
        width, count = Counter(len(row.cells) for row in rows[1:]).most_common(1)[0]
        if width > 1 and count >= (len(rows) - 1) * _WELL:
            raise UnreadableFileError(
                f"line {rows[0].line} has {len(rows[0].cells)} cells with "
                f"{_NAMES.get(delimiter, repr(delimiter))} between them, and the rows below it "
                f"have {width}; give each column a name, or declare header_line and delimiter"
            )


def _refuse_fixed_width(rows: list[_Row]) -> None:
    """Refuse lines whose columns are laid out by blanks; the first of `rows` is the header."""
    gaps = {len(_GAP.findall(row.cells[0].strip())) for row in rows if len(row.cells) == 1}
    if len(rows) > 1 and len(gaps) == 1 and gaps != {0}:
        raise UnreadableFileError(
            f"its columns are laid out by blanks, as in line {rows[0].line} "
            f"({rows[0].cells[0].strip()[:60]}); export it with a delimiter, or as a workbook"
        )


def _refuse_table_above(rows: list[_Row]) -> None:
    """Refuse a header below rows of another table; the last of `rows` is the header."""
    for at, row in enumerate(rows[:-1]):
        width = len(_trimmed(row.cells))
        block = [row]
        for below in rows[at + 1 : -1]:
            if len(_trimmed(below.cells)) != width:
                break
            block.append(below)
        if width < 2 or len(block) < 3:
            continue
        cells = [r.cells[:width] for r in block]
        if header_or_data(cells[0], cells[1:]) not in ("", WORDS_ONLY):
            raise UnreadableFileError(
                f"it has two tables: one begins in line {row.line}, one in line {rows[-1].line}; "
                "make a file of each, or declare header_line"
            )


def _fit(rows: list[_Row], at: int) -> float | None:
    """Share of the rows below that are as wide as this one; None if it can't be the header."""
    names = rows[at].cells
    trimmed = _trimmed(names)
    filled = sum(bool(cell.strip()) for cell in trimmed)
    body = rows[at + 1 :]
    if body and body[-1].cut and len(body[-1].cells) < len(names):
        body = body[:-1]
    even = [
        row
        for row in body
        if len(row.cells) == len(names)
        or (len(row.cells) == len(names) + 1 and not row.cells[-1])
        or (len(trimmed) > 1 and len(row.cells) == len(trimmed))
    ]
    used = {place for row in even for place, cell in enumerate(row.cells) if cell.strip()}
    if not filled or filled < len(used) * _EVEN or filled < len(trimmed) * _EVEN:
        return None
    if any(len(_trimmed(row.cells)) in (len(names), len(trimmed)) for row in rows[:at]):
        return None  # a line above is as wide: that may be a row
    if not body:
        return 1.0 if at == 0 else None
    if at > 0 and len(trimmed) == 1:
        return None
    fit = len(even) / len(body)
    return fit if fit >= _EVEN or (len(trimmed) > 1 and even and len(body) <= 4) else None


def find_header(grid: Sequence[Sequence[str]], known: Known | None) -> int:
    """The place of the header among a sheet's rows. Raises UnreadableFileError."""
    width = max((len(cells) for cells in grid), default=0)
    rows = [
        _Row([*cells, *[""] * (width - len(cells))], n, n, 0)
        for n, cells in enumerate(grid[:_LOOKED_AT], 1)
    ]
    tried = {NO_DELIMITER: rows}
    return (_known(tried, known) or _best(tried))[1]


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Without the empty cells at the end."""
    found = list(cells)
    while found and not found[-1].strip():
        found.pop()
    return found


def _last_is_empty(body: Sequence[_Row], width: int) -> bool:
    return all(not row.cells[-1] for row in body if len(row.cells) == width + 1)


def _rows(
    path: Path, delimiter: str, quote: str | None, escape: str | None, skipped: int
) -> list[_Row]:
    """The first rows that aren't blank; of a quote that goes wrong, those before it."""
    found: list[_Row] = []
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
                    _Row(
                        cells,
                        before + 1 + skipped_lines,
                        reader.line_num + skipped_lines,
                        ends[reader.line_num],
                        cut=not last[0].endswith(("\r", "\n")),
                    )
                )
            before = reader.line_num
            if len(found) >= _LOOKED_AT or ends[-1] > _SAMPLE_BYTES * 8:
                break
    except csv.Error:
        pass
    finally:
        csv.field_size_limit(limit)
    return found


def csv_reader(
    lines: Iterator[str], delimiter: str, quote: str | None, escape: str | None, *, strict: bool
) -> csv._reader:  # type: ignore[name-defined, unused-ignore]
    """Python's reader of this dialect."""
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
    """Lines with their ends, which may be any of three, from a byte on."""
    rest = b""
    with path.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(1 << 20):
            lines = (rest + chunk).splitlines(keepends=True)
            # The last may go on, or its \r may have a \n to come.
            rest = lines.pop() if lines else b""
            yield from lines
    yield from rest.splitlines(keepends=True)


def _counted(path: Path, start: int, ends: list[int], last: list[str]) -> Iterator[str]:
    for line in lines_of(path, start):
        ends.append(ends[-1] + len(line))
        last[0] = line.decode("utf-8", "replace")
        yield last[0]


def _sep_line(path: Path) -> tuple[int, str]:
    """Bytes of a first line such as `sep=;`, and the delimiter that it names."""
    with path.open("rb") as stream:
        first = next(iter(stream.read(100).splitlines(keepends=True)), b"")
    text = first.decode("utf-8", "replace").strip("\r\n").strip('"')
    if text.lower().startswith("sep=") and len(text) == 5:
        return len(first), text[4]
    return 0, ""


def _has_escapes(path: Path) -> bool:
    """Whether quotes in values have a backslash before them, and are never doubled."""
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE_BYTES)
    doubled = start.replace(b',""', b"").count(b'""')
    # Before the end of a cell a backslash is one, as in "C:\\dir\\".
    return start.count(b'\\"') > doubled and bool(_ESCAPED.search(start))


def _text(row: _Row, delimiter: str) -> str:
    return delimiter.join(row.cells)[:500]
