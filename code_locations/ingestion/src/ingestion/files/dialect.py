"""How the rows of a text file are written: delimiter, quotes, and the place of the header.

No guess from a sample can go wrong unnoticed: `records` reads with what is found here, and sets
aside any row that doesn't fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import WORDS_ONLY, class_of, header_or_data
from ingestion.files.no_table import (
    refuse_first_line,
    refuse_fixed_width,
    refuse_names_again,
    refuse_pairs,
    refuse_rare_delimiter,
    refuse_second_line,
    refuse_single_quotes,
    refuse_table_above,
    refuse_tables_apart,
    refuse_uneven,
)
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules
from ingestion.files.sample import (
    LOOKED_AT,
    NO_DELIMITER,
    SampleRow,
    has_escapes,
    name_of,
    sample_rows,
    sep_line,
    text_of,
    trimmed,
)

DELIMITERS = (";", ",", "\t", "|")
_HEADER_WITHIN = 60
_TITLES = 5
# The share of rows below a header that must have its width.
_EVEN = 0.6
_WELL = 0.9
_DATA = frozenset({"number", "day", "mail", "address", "account"})


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


Known = Callable[[Sequence[str]], bool]


def find_dialect(
    path: Path, rules: ReadingRules = NOTHING_DECLARED, known: Known | None = None
) -> Dialect:
    """The dialect of a text file in UTF-8, apart from what is declared.

    `known` says whether a header belongs to a known layout. Raises UnreadableFileError with the
    reason if no line can be the header.
    """
    quote = None if rules.quote == "" else rules.quote or '"'
    escape = "\\" if has_escapes(path) else None
    skipped, named = sep_line(path)
    delimiters = (
        (rules.delimiter,)
        if rules.delimiter
        else (named,)
        if named
        else (*DELIMITERS, NO_DELIMITER)
    )
    tried = {d: sample_rows(path, d, quote, escape, skipped) for d in delimiters}
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
        refuse_single_quotes(names, body)
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
        and next(iter(widths)) == len(first_names := trimmed(names)) < width
    ):
        names, width = (
            first_names,
            len(first_names),
        )  # the header ends with delimiters, the rows don't
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
        preamble=tuple(text_of(row, delimiter) for row in rows[: max(at, 0)]),
        titles=tuple(
            tuple(row.cells) for row in rows[: max(at, 0)] if any(map(str.strip, row.cells))
        ),
        reasons={
            "delimiter": name_of(delimiter) + (f": {reason}" if reason else ""),
            "header": f"line {header.line}: {why}" if header else why,
        },
    )


def _declared(tried: dict[str, list[SampleRow]], rules: ReadingRules) -> tuple[str, int, str]:
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


def _evenness(rows: list[SampleRow]) -> tuple[float, int]:
    widths = Counter(len(row.cells) for row in rows)
    width, count = widths.most_common(1)[0] if widths else (0, 0)
    return (count / max(len(rows), 1) if width > 1 else 0.0, width)


def _known(tried: dict[str, list[SampleRow]], known: Known | None) -> tuple[str, int, str] | None:
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
    row: SampleRow


def _best(tried: dict[str, list[SampleRow]]) -> tuple[str, int, str]:
    """The delimiter and header line that best fit the rows below."""
    candidates: list[_Candidate] = []
    like_data: list[_Candidate] = []
    for delimiter, rows in tried.items():
        for found in _candidates(delimiter, rows):
            (candidates if found.why else like_data).append(found)
    best = max(candidates, default=None, key=lambda c: c.place)
    data = max(like_data, default=None, key=lambda c: c.place)
    if data and (best is None or (data.at == 0 and data.place > best.place)):
        refuse_names_again(tried[data.delimiter][data.at :])
        cells = ", ".join(trimmed(data.row.cells)[:3])
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
        refuse_uneven(tried)
        refuse_rare_delimiter(tried[best.delimiter][best.at :])
        refuse_tables_apart(tried)
        refuse_pairs(tried[best.delimiter][best.at :])
        refuse_fixed_width(tried[best.delimiter][best.at :])
    refuse_table_above(tried[best.delimiter][: best.at + 1])
    refuse_second_line(tried[best.delimiter][best.at :])
    refuse_first_line(tried[best.delimiter][: best.at + 1])
    return best.delimiter, best.at, best.why


def _candidates(delimiter: str, rows: list[SampleRow]) -> Iterator[_Candidate]:
    """The first line that fits and, if the widths of the rows below vary, also a wider one."""
    least = 0
    in_doubt = False
    odd = sum(any(cell.count('"') % 2 for cell in row.cells) for row in rows) / max(len(rows), 1)
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        names = trimmed(row.cells)
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
        if least and any(sum(map(bool, trimmed(above.cells))) > 2 for above in rows[:at]):
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


def _is_wider_below(rows: list[SampleRow], at: int) -> bool:
    """Whether one of the next rows has more cells, none of them empty."""
    width = len(trimmed(rows[at].cells))
    below = (trimmed(row.cells) for row in rows[at + 1 : at + 1 + _TITLES])
    return any(len(cells) > width and all(cells) for cells in below)


def _fit(rows: list[SampleRow], at: int, *, may_be_apart: bool = False) -> float | None:
    """The share of rows below that are as wide as this one; None if it can't be the header.

    `may_be_apart`: it can be, below lines of its width, if an empty line is between.
    """
    names = rows[at].cells
    named = trimmed(names)
    filled = sum(bool(cell.strip()) for cell in named)
    body = rows[at + 1 :]
    if body and body[-1].cut and len(body[-1].cells) < len(names):
        body = body[:-1]
    even = [
        row
        for row in body
        if len(row.cells) == len(names)
        or (len(row.cells) == len(names) + 1 and not row.cells[-1])
        or (len(named) > 1 and len(row.cells) == len(named))
    ]
    used = {place for row in even for place, cell in enumerate(row.cells) if cell.strip()}
    if not filled or filled < len(used) * _EVEN or filled < len(named) * _EVEN:
        return None
    is_apart = may_be_apart and at > 0 and rows[at].line > rows[at - 1].end_line + 1
    alike = (len(trimmed(row.cells)) in (len(names), len(named)) for row in rows[:at])
    if not is_apart and any(alike):
        return None  # a line above is equally wide, and may be a row
    if not body:
        return 1.0 if at == 0 else None
    if at > 0 and len(named) == 1:
        return None
    fit = len(even) / len(body)
    return fit if fit >= _EVEN or (len(named) > 1 and even and len(body) <= 4) else None


def find_header(grid: Sequence[Sequence[str]], known: Known | None) -> tuple[int, str]:
    """The place of the header among a sheet's rows, and why. Raises UnreadableFileError."""
    width = max((len(cells) for cells in grid), default=0)
    rows = [
        SampleRow([*cells, *[""] * (width - len(cells))], n, n, 0)
        for n, cells in enumerate(grid[:LOOKED_AT], 1)
    ]
    tried = {NO_DELIMITER: rows}
    _, at, why = _known(tried, known) or _best(tried)
    return at, why


def _last_is_empty(body: Sequence[SampleRow], width: int) -> bool:
    return all(not row.cells[-1] for row in body if len(row.cells) == width + 1)
