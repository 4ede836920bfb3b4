"""Says why the first rows of a file are no table that can be read without doubt.

Each function raises UnreadableFileError, with the line and what to do, or does nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import NO_VALUE, WORDS_ONLY, class_of, header_or_data
from ingestion.files.sample import NO_DELIMITER, SampleRow, name_of, trimmed

_WELL = 0.9
_ALIGNED = 0.8
_SINGLE_QUOTED = re.compile(r"'[^']*'")
# Of two cells, the first of which ends within such quotes.
_BEGUN = re.compile(r"(.*\n)?'[^'\n]*\n", re.DOTALL)
_PAIR = re.compile(r"([^\W\d][\w .-]{0,40}): ")
_RARE_DELIMITERS = "^~¦§"
_GAP = re.compile(r"\S {2,}(?=\S)")


def refuse_single_quotes(names: list[str], body: list[SampleRow]) -> None:
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


def refuse_uneven(tried: dict[str, list[SampleRow]]) -> None:
    """Refuse a one-column file whose lines all contain a delimiter."""
    for delimiter, rows in tried.items():
        if delimiter == NO_DELIMITER or len(rows) < 2 or len(rows[0].cells) < 2:
            continue
        width, count = Counter(len(row.cells) for row in rows[1:]).most_common(1)[0]
        if width > 1 and count >= (len(rows) - 1) * _WELL:
            told = (
                f"has {len(rows[0].cells)} cells with {name_of(delimiter)} "
                f"between them, and the rows below it have {width}"
                if len(rows[0].cells) != width
                else f"({', '.join(rows[0].cells)[:60]}) is no header of the rows below it"
            )
            raise UnreadableFileError(
                f"line {rows[0].line} {told}; give each column a name, or declare header_line and "
                "delimiter"
            )


def refuse_tables_apart(tried: dict[str, list[SampleRow]]) -> None:
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
                f"{name_of(delimiter)} between {width} cells, but others below "
                "don't fit; make a file of each table, or declare header_line and delimiter"
            )


def refuse_pairs(rows: list[SampleRow]) -> None:
    """Refuse lines that all are pairs of a name and a value, some names of which come again."""
    names = [found[1] for row in rows if (found := _PAIR.match("".join(row.cells)))]
    if len(names) == len(rows) > len({*names}) and names.count(names[0]) > 1:
        raise UnreadableFileError(
            f"its lines are pairs of a name and a value, as {rows[0].cells[0][:60]}; write a line "
            "for each record, below one with the names"
        )


def refuse_rare_delimiter(rows: list[SampleRow]) -> None:
    """Refuse rows with as many carets, tildes or broken bars as the header, the first of `rows`."""
    for sign in _RARE_DELIMITERS:
        counts = {"".join(row.cells).count(sign) for row in rows}
        if len(rows) > 1 and len(counts) == 1 and counts != {0}:
            raise UnreadableFileError(
                f"each line has as many {sign!r}, which may be between its columns; declare "
                f"delimiter: {sign!r}, or ',' if it has one column"
            )


def refuse_fixed_width(rows: list[SampleRow]) -> None:
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


def refuse_names_again(rows: list[SampleRow]) -> None:
    """Refuse a header, the first of `rows`, some of whose names are again below an empty line."""
    names = rows[0].cells
    for before, row in pairwise(rows):
        again = [name for name, cell in zip(names, row.cells, strict=False) if name == cell != ""]
        if again and row.line > before.end_line + 1 and not any(map(class_of, row.cells)):
            raise UnreadableFileError(
                f"line {row.line} has {again[0]!r} again, as line {rows[0].line} has: if it begins "
                "another table, make a file of each; or else declare header_line"
            )


def refuse_second_line(rows: list[SampleRow]) -> None:
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


def refuse_first_line(rows: list[SampleRow]) -> None:
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


def refuse_table_above(rows: list[SampleRow]) -> None:
    """Refuse a header below another table's rows; the last of `rows` is the header."""
    for at, row in enumerate(rows[:-1]):
        width = len(trimmed(row.cells))
        block = [row]
        for below in rows[at + 1 : -1]:
            if len(trimmed(below.cells)) != width:
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
