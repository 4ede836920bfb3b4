"""How the rows of a text file are written: delimiter, quotes, and the place of the header.

No guess from a sample can go wrong unnoticed: `records` reads with what is found here, and sets
aside any row that doesn't fit.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import NO_VALUE, WORDS_ONLY, class_of, header_or_data
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules

DELIMITERS = (";", ",", "\t", "|")
# The delimiter of a file with a single column: no text contains it.
NO_DELIMITER = "\x1f"
_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", NO_DELIMITER: "none"}
_LOOKED_AT = 200
# An unclosed quote would turn the rest of the file into one cell.
LONGEST_CELL = 16 << 20
_HEADER_WITHIN = 60
_TITLES = 5
_SAMPLE_BYTES = 1 << 20
# The share of rows below a header that must have its width.
_EVEN = 0.6
_WELL = 0.9
_ALIGNED = 0.8
_DATA = frozenset({"number", "day", "mail", "address", "account"})
_SINGLE_QUOTED = re.compile(r"'[^']*'")
# Of two cells, the first of which ends within such quotes.
_BEGUN = re.compile(r"(.*\n)?'[^'\n]*\n", re.DOTALL)
_PAIR = re.compile(r"([^\W\d][\w .-]{0,40}): ")
_RARE_DELIMITERS = "^~¦§"
_GAP = re.compile(r"\S {2,}(?=\S)")
_ESCAPED = re.compile(rb'\\"[^;,\t|\r\n"]')


@dataclass(frozen=True)
class Dialect:
    """How a text file in UTF-8 is read.

    `names` are as in the header; rows have `width` cells and start at byte `start`, on line `line`
    (from 1). `preamble` has the lines before the header, `titles` their cells. `reasons` explain
    the choices.
    """

    delimiter: str
    names: tuple[str, ...]
    width: int
    start: int
    line: int
    quote: str | None = '"'
    escape: str | None = None
    preamble: tuple[str, ...] = ()
    titles: tuple[tuple[str, ...], ...] = ()
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    cells: list[str]
    line: int  # where it starts
    end_line: int
    end: int  # the byte after it
    cut: bool = False  # the file ends within it


Known = Callable[[Sequence[str]], bool]


def find_dialect(
    path: Path, rules: ReadingRules = NOTHING_DECLARED, known: Known | None = None
) -> Dialect:
    """The dialect of a text file in UTF-8, apart from what is declared.

    `known` says whether a header belongs to a known layout. Raises UnreadableFileError with the
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
    if rules.quote is None and len(names) > 1:
        _refuse_single_quotes(names, body)
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
        and known(names[:found_width])  # the writer leaves out the last columns
    ):
        names = names[:found_width]
        width = found_width
    elif (
        len(widths) == 1
        and not rules.header
        and next(iter(widths)) == len(trimmed := _trimmed(names)) < width
    ):
        names, width = trimmed, len(trimmed)  # the header ends with delimiters, the rows don't
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
        titles=tuple(
            tuple(row.cells) for row in rows[: max(at, 0)] if any(map(str.strip, row.cells))
        ),
        reasons={
            "delimiter": f"{_NAMES.get(delimiter, repr(delimiter))}"
            + (f": {reason}" if reason else ""),
            "header": f"line {header.line}: {why}" if header else why,
        },
    )


def _refuse_single_quotes(names: list[str], body: list[_Row]) -> None:
    """Refuse a header in single quotes, and columns of words that all are.

    A column of ids may be, beside others of plain words.
    """
    even = [row.cells for row in body if len(row.cells) == len(names)]
    begun = any(len(row.cells) != len(names) and _BEGUN.match("\n".join(row.cells)) for row in body)
    columns = [[cells[n].strip() for cells in even if cells[n].strip()] for n in range(len(names))]
    quoted = [cells for cells in columns if cells and all(map(_SINGLE_QUOTED.fullmatch, cells))]
    plain = [cells for cells in columns if cells not in quoted and not all(map(class_of, cells))]
    if all(map(_SINGLE_QUOTED.fullmatch, names)):
        quoted, plain = [names], []
    if quoted and (begun or (not plain and len(quoted[0]) > 1)):
        raise UnreadableFileError(
            f'its cells are in single quotes, as {quoted[0][0][:60]}; declare quote: "\'", or '
            "quote: '\"' if these belong to the values"
        )


def _declared(tried: dict[str, list[_Row]], rules: ReadingRules) -> tuple[str, int, str]:
    """The declared place of the header; -1 if the file has none."""
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
    """A line that may be the header; the one with the highest `place` wins."""

    place: tuple[bool, float, bool, int, float, int]
    delimiter: str
    at: int
    why: str
    row: _Row


def _best(tried: dict[str, list[_Row]]) -> tuple[str, int, str]:
    """The delimiter and header line that best fit the rows below."""
    candidates: list[_Candidate] = []
    like_data: list[_Candidate] = []
    for delimiter, rows in tried.items():
        for found in _candidates(delimiter, rows):
            (candidates if found.why else like_data).append(found)
    best = max(candidates, default=None, key=lambda c: c.place)
    data = max(like_data, default=None, key=lambda c: c.place)
    if data and (best is None or (data.at == 0 and data.place > best.place)):
        _refuse_names_again(tried[data.delimiter][data.at :])
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
        _refuse_rare_delimiter(tried[best.delimiter][best.at :])
        _refuse_tables_apart(tried)
        _refuse_pairs(tried[best.delimiter][best.at :])
        _refuse_fixed_width(tried[best.delimiter][best.at :])
    _refuse_table_above(tried[best.delimiter][: best.at + 1])
    _refuse_second_line(tried[best.delimiter][best.at :])
    _refuse_first_line(tried[best.delimiter][: best.at + 1])
    return best.delimiter, best.at, best.why


def _candidates(delimiter: str, rows: list[_Row]) -> Iterator[_Candidate]:
    """The first line that fits and, if the widths of the rows below vary, also a wider one."""
    least = 0
    in_doubt = False
    odd = sum(any(cell.count('"') % 2 for cell in row.cells) for row in rows) / max(len(rows), 1)
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        names = _trimmed(row.cells)
        if (len(row.cells) == 1 and delimiter != NO_DELIMITER) or len(names) <= least:
            continue
        if delimiter == NO_DELIMITER and len(row.cells) == 1 and '"' in row.cells[0]:
            return  # a delimiter is inside its quotes
        fit = _fit(rows, at, may_be_apart=in_doubt)
        if fit is None or (least and fit < _WELL):
            continue
        why = header_or_data(names, [r.cells for r in rows[at + 1 :]])
        told = why not in ("", WORDS_ONLY)
        prose = delimiter == "," and all(name.startswith(" ") for name in names[1:])
        if (at and prose and not told) or (least and not told):
            continue
        # Above a wider line, only the file's own names and values are allowed, two to a line.
        if least and any(sum(map(bool, _trimmed(above.cells))) > 2 for above in rows[:at]):
            return
        # A title and date above a sheet's header, although a sheet's rows are all equally wide.
        has_data = why == WORDS_ONLY and any(map(class_of, names))
        is_title = has_data and _is_wider_below(rows, at)
        width = len(names)
        if has_data and not is_title and not at and any(class_of(n) in _DATA for n in names):
            # A name and its value, above a header of the same width or without any.
            in_doubt, why = True, ""
        place = (
            width > 1,
            0.0 if told else -1.0 if in_doubt else -round(odd, 1),
            fit >= _WELL,
            width,
            fit,
            -at,
        )
        yield _Candidate(place, delimiter, at, why, row)
        if told or (not why and not in_doubt) or (why and fit >= _WELL and not is_title):
            return
        least = max(width, 2) - in_doubt


def _is_wider_below(rows: list[_Row], at: int) -> bool:
    """Whether one of the next rows has more cells, none of them empty."""
    width = len(_trimmed(rows[at].cells))
    below = (_trimmed(row.cells) for row in rows[at + 1 : at + 1 + _TITLES])
    return any(len(cells) > width and all(cells) for cells in below)


def _refuse_uneven(tried: dict[str, list[_Row]]) -> None:
    """Refuse a one-column file whose lines all contain a delimiter."""
    for delimiter, rows in tried.items():
        if delimiter == NO_DELIMITER or len(rows) < 2 or len(rows[0].cells) < 2:
            continue
        width, count = Counter(len(row.cells) for row in rows[1:]).most_common(1)[0]
        if width > 1 and count >= (len(rows) - 1) * _WELL:
            told = (
                f"has {len(rows[0].cells)} cells with {_NAMES.get(delimiter, repr(delimiter))} "
                f"between them, and the rows below it have {width}"
                if len(rows[0].cells) != width
                else f"({', '.join(rows[0].cells)[:60]}) is no header of the rows below it"
            )
            raise UnreadableFileError(
                f"line {rows[0].line} {told}; give each column a name, or declare header_line and "
                "delimiter"
            )


def _refuse_tables_apart(tried: dict[str, list[_Row]]) -> None:
    """Refuse a one-column file that begins with a table of several columns below its title."""
    for delimiter, rows in tried.items():
        first = next((n for n, row in enumerate(rows) if len(row.cells) > 1), None)
        if delimiter == NO_DELIMITER or first is None:
            continue
        width = len(rows[first].cells)
        end = next((n for n in range(first, len(rows)) if len(rows[n].cells) != width), len(rows))
        block = [row.cells for row in rows[first:end]]
        if len(block) > 2 and header_or_data(block[0], block[1:]) not in ("", WORDS_ONLY):
            raise UnreadableFileError(
                f"line {rows[first].line} is the header of rows with "
                f"{_NAMES.get(delimiter, repr(delimiter))} between {width} cells, but others below "
                "don't fit; make a file of each table, or declare header_line and delimiter"
            )


def _refuse_pairs(rows: list[_Row]) -> None:
    """Refuse lines that all are pairs of a name and a value, some names of which come again."""
    names = [found[1] for row in rows if (found := _PAIR.match("".join(row.cells)))]
    if len(names) == len(rows) > len({*names}) and names.count(names[0]) > 1:
        raise UnreadableFileError(
            f"its lines are pairs of a name and a value, as {rows[0].cells[0][:60]}; write a line "
            "for each record, below one with the names"
        )


def _refuse_rare_delimiter(rows: list[_Row]) -> None:
    """Refuse rows with as many carets, tildes or broken bars as the header, the first of `rows`."""
    for sign in _RARE_DELIMITERS:
        counts = {"".join(row.cells).count(sign) for row in rows}
        if len(rows) > 1 and len(counts) == 1 and counts != {0}:
            raise UnreadableFileError(
                f"each line has as many {sign!r}, which may be between its columns; declare "
                f"delimiter: {sign!r}, or ',' if it has one column"
            )


def _refuse_fixed_width(rows: list[_Row]) -> None:
    """Refuse columns that are aligned by spaces; the first of `rows` is the header."""
    lines = [row.cells[0] for row in rows if len(row.cells) == 1]
    gaps = {len(_GAP.findall(line.strip())) for line in lines}
    if (len(lines) > 1 and len(gaps) == 1 and gaps != {0}) or _are_aligned(lines):
        raise UnreadableFileError(
            f"its columns are laid out by blanks, as in line {rows[0].line} "
            f"({rows[0].cells[0].strip()[:60]}); export it with a delimiter, or as a workbook"
        )


def _are_aligned(lines: Sequence[str]) -> bool:
    """Whether blanks stand before almost all cells of the header's columns: some fill theirs."""
    starts = [gap.end() for gap in _GAP.finditer(lines[0])] if lines else []
    before = [line[at - 1] == " " for line in lines[1:] for at in starts if len(line) >= at]
    return len(starts) > 1 and len(before) > 3 and sum(before) >= _ALIGNED * len(before)


def _refuse_names_again(rows: list[_Row]) -> None:
    """Refuse a header, the first of `rows`, some of whose names are again below an empty line."""
    names = rows[0].cells
    for before, row in pairwise(rows):
        again = [name for name, cell in zip(names, row.cells, strict=False) if name == cell != ""]
        if again and row.line > before.end_line + 1 and not any(map(class_of, row.cells)):
            raise UnreadableFileError(
                f"line {row.line} has {again[0]!r} again, as line {rows[0].line} has: if it begins "
                "another table, make a file of each; or else declare header_line"
            )


def _refuse_second_line(rows: list[_Row]) -> None:
    """Refuse a header that goes on in the next line: words above numbers and days.

    They are in all columns that have any, or above two, if the first line has no names in the
    others or the same name over several.
    """
    names, body = rows[0].cells, rows[1:]
    if len(body) < 2:
        return
    second, *below = (row.cells for row in body)
    places = [place for place, cell in enumerate(second) if cell.strip()]
    if len(places) < 2 or not all(any(map(str.isalpha, second[n])) for n in places):
        return
    if any(class_of(second[n]) for n in places):
        return
    under = {
        n: {class_of(cells[n]) for cells in below if n < len(cells) and cells[n].strip()}
        for n in places
    }
    data = [n for n in places if under[n] and "" not in under[n]]
    if any(NO_VALUE.fullmatch(second[n]) for n in data):
        return
    over = [names[n].strip() for n in data if n < len(names)]
    nameless = not any(names[n].strip() for n in places if n not in data and n < len(names))
    both = {(names[n].strip(), second[n].strip()) for n in data if n < len(names)}
    grouped = len({*over}) < len(over) == len(both)
    if len(data) == len(places) or (len(data) > 1 and (nameless or grouped)):
        told = ", ".join(second[n].strip() for n in places)
        raise UnreadableFileError(
            f"its header seems to go on in line {body[0].line} ({told[:60]}), above numbers or "
            f"days; write it in one line, or declare header_line"
        )


def _refuse_first_line(rows: list[_Row]) -> None:
    """Refuse a header, the last of `rows`, that the line right above begins with its groups.

    Such a line has the name of a nameless column, or groups over columns of the same names.
    """
    if len(rows) < 2 or rows[-2].end_line + 1 != rows[-1].line:
        return
    above, names = rows[-2].cells, [name.strip() for name in rows[-1].cells]
    groups = [n for n, cell in enumerate(above[: len(names)]) if cell.strip()]
    if len(groups) < 2 or any(n >= len(names) for n, cell in enumerate(above) if cell.strip()):
        return
    # The group of each column is the last one that begins above or before it.
    of = {n: max((at for at in groups if at <= n), default=-1) for n in range(len(names))}
    alike = [n for n, name in enumerate(names) if name and names.count(name) > 1]
    twice = bool(alike) and len({(names[n], of[n]) for n in alike}) == len(alike)
    if twice or (any(not names[n] for n in groups) and any(names[n] for n in groups)):
        raise UnreadableFileError(
            f"its header seems to begin in line {rows[-2].line} "
            f"({', '.join(above[n].strip() for n in groups)[:60]}), above names in line "
            f"{rows[-1].line}; write it in one line, or declare header_line"
        )


def _refuse_table_above(rows: list[_Row]) -> None:
    """Refuse a header below another table's rows; the last of `rows` is the header."""
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


def _fit(rows: list[_Row], at: int, *, may_be_apart: bool = False) -> float | None:
    """The share of rows below that are as wide as this one; None if it can't be the header.

    `may_be_apart`: it can be, below lines of its width, if an empty line is between.
    """
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
    is_apart = may_be_apart and at > 0 and rows[at].line > rows[at - 1].end_line + 1
    alike = (len(_trimmed(row.cells)) in (len(names), len(trimmed)) for row in rows[:at])
    if not is_apart and any(alike):
        return None  # a line above is equally wide, and may be a row
    if not body:
        return 1.0 if at == 0 else None
    if at > 0 and len(trimmed) == 1:
        return None
    fit = len(even) / len(body)
    return fit if fit >= _EVEN or (len(trimmed) > 1 and even and len(body) <= 4) else None


def find_header(grid: Sequence[Sequence[str]], known: Known | None) -> tuple[int, str]:
    """The place of the header among a sheet's rows, and why. Raises UnreadableFileError."""
    width = max((len(cells) for cells in grid), default=0)
    rows = [
        _Row([*cells, *[""] * (width - len(cells))], n, n, 0)
        for n, cells in enumerate(grid[:_LOOKED_AT], 1)
    ]
    tried = {NO_DELIMITER: rows}
    _, at, why = _known(tried, known) or _best(tried)
    return at, why


def _trimmed(cells: Sequence[str]) -> list[str]:
    """The cells without the empty ones at the end."""
    found = list(cells)
    while found and not found[-1].strip():
        found.pop()
    return found


def _last_is_empty(body: Sequence[_Row], width: int) -> bool:
    return all(not row.cells[-1] for row in body if len(row.cells) == width + 1)


def _rows(
    path: Path, delimiter: str, quote: str | None, escape: str | None, skipped: int
) -> list[_Row]:
    """The first rows that aren't blank, up to a misplaced quote."""
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


def _sep_line(path: Path) -> tuple[int, str]:
    """The size in bytes of a first line such as `sep=;`, and the delimiter that it names."""
    with path.open("rb") as stream:
        first = next(iter(stream.read(100).splitlines(keepends=True)), b"")
    text = first.decode("utf-8", "replace").strip("\r\n").strip('"')
    if text.lower().startswith("sep=") and len(text) == 5:
        return len(first), text[4]
    return 0, ""


def _has_escapes(path: Path) -> bool:
    """Whether quotes within values are escaped by a backslash, and never doubled."""
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE_BYTES)
    doubled = start.replace(b',""', b"").count(b'""')
    # A backslash at the end of a cell is a plain one, as in "C:\\dir\\".
    return start.count(b'\\"') > doubled and bool(_ESCAPED.search(start))


def _text(row: _Row, delimiter: str) -> str:
    return delimiter.join(row.cells)[:500]
