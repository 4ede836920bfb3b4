"""Delimited text as records: read by pyarrow, and counted independently.

The dialect leaves pyarrow nothing to guess. Rows are counted by line ends and quotes or, where
these are irregular, by Python's csv module in strict mode. If the counts differ, the file is
refused.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.dialect import Dialect
from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import TOTAL, footer_rows, is_word_for_total, repeats
from ingestion.files.quoted import count_rows
from ingestion.files.records import Records, RowAside, RowGroups
from ingestion.files.sample import LONGEST_CELL, NO_DELIMITER, csv_reader, lines_of
from ingestion.files.second_table import (
    LOOKED_AT,
    Row,
    refuse_another_title,
    refuse_other_order,
    refuse_table_below,
)
from ingestion.files.sums import MOST_ROWS, sums

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 1 << 20
# The longest row.
_LARGEST_BLOCK_BYTES = 16 << 20
_LAST_ROWS = 8
_LF = 10
# With a larger share of rows that don't fit, the dialect is wrong rather than the rows.
_MOST_ASIDE = 0.5
_MOST_BYTES_LOOKED_AT = 256 << 20  # row by row, half a second for ten MB
_LINE_END = re.compile(r"\r\n?|\n")
_LONGEST_NAMES = 3
_MOST_BYTES_FOR_NAMES = 32 << 20
_EMPTY_LINES = (b"\n\n", b"\n\r\n", b"\r\r")
_EMPTY_LINE = re.compile(rb"\n\r?\n\r?[^\r\n]|\r\r[^\n\r]")


def read_delimited(file: Path, dialect: Dialect, target: Path, footer_lines: int = 0) -> Records:
    """Read delimited text in UTF-8 into `target`. Raises UnreadableFileError."""
    if not dialect.width:
        raise UnreadableFileError("it has no columns")
    total = _count(file, dialect)
    staged = _stage(file, dialect, target, footer_lines)
    rows = staged.rows
    aside: tuple[RowAside, ...] = ()
    if staged.skipped or staged.left_out:
        why = (
            "is a footer, as declared" if footer_lines else "is empty, or a total of the rows above"
        )
        last = total - footer_lines if footer_lines else None
        aside = tuple(_explained(file, dialect, staged, why, last))
    if rows + len(aside) != total:
        raise UnreadableFileError(
            f"it was read in two ways, which gave {rows + len(aside):,} and {total:,} rows; "
            "its quotes are not as in CSV: export it anew, or declare quote and delimiter"
        )
    refuse_another_title(aside, dialect.names, dialect.titles)
    if _has_empty_lines(file, dialect.start):
        refuse_table_below(_rows_apart(file, dialect), dialect.names)
    if _has_names(file, dialect):
        refuse_other_order(_strictly(file, dialect), dialect.names)
    wider = wider_by_nothing(aside, dialect.width)
    odd = [row for row in aside if not row.expected and row.line not in wider]
    if len(odd) > 2 and len(odd) > rows * _MOST_ASIDE:
        raise UnreadableFileError(
            f"{len(odd):,} of its {total:,} rows don't fit the {dialect.width} columns of the "
            f"header; {odd[0].reason}"
        )
    return Records(
        path=target,
        names=dialect.names,
        rows=rows,
        total=total,
        aside=aside,
        evidence={**dialect.reasons, "lines before the header": len(dialect.preamble)},
        preamble=dialect.preamble,
        line=lambda row: _line_of(file, dialect, row, staged.left_out),
    )


def wider_by_nothing(aside: Sequence[RowAside], width: int) -> dict[int, int]:
    """The rows that have only empty cells beyond the width, by line, and how many of these."""
    return {
        row.line: len(row.cells) - width
        for row in aside
        if not row.expected and len(row.cells) > width and not any(row.cells[width:])
    }


def _count(file: Path, dialect: Dialect) -> int:
    """Rows after the header. Raises UnreadableFileError if a quote is misplaced."""
    if dialect.escape is None and not _has(file, dialect.quote, dialect.start):
        return _count_lines(file, dialect.start)
    rows = None
    if dialect.escape is None and dialect.quote is not None:
        rows = count_rows(file, dialect.start, dialect.delimiter, dialect.quote)
    return sum(1 for _ in _strictly(file, dialect)) if rows is None else rows


def _has(file: Path, sign: str | None, start: int) -> bool:
    if sign is None:
        return False
    wanted = sign.encode()
    with file.open("rb") as stream:
        stream.seek(start)
        return any(wanted in chunk for chunk in iter(lambda: stream.read(_BLOCK_BYTES), b""))


def _count_lines(file: Path, start: int) -> int:
    """Non-empty lines."""
    import numpy as np

    count, before = 0, b"\n"
    with file.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(_BLOCK_BYTES):
            text = before + chunk
            before = chunk[-1:]
            if b"\r" in text:
                text = re.sub(rb"\r\n?", b"\n", text)
            # A line starts after each line end, unless another end or the end of the data follows.
            ends = np.frombuffer(text, np.uint8) == _LF
            count += int(np.count_nonzero(ends[:-1] & ~ends[1:]))
    return count


def _strictly(file: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row. Raises UnreadableFileError if a quote is misplaced."""
    limit = csv.field_size_limit(LONGEST_CELL)
    lines = (line.decode("utf-8") for line in lines_of(file, dialect.start))
    reader = csv_reader(lines, dialect.delimiter, dialect.quote, dialect.escape, strict=True)
    begins = 0
    try:
        for cells in reader:
            if cells:
                yield dialect.line + begins, cells
            begins = reader.line_num
    except csv.Error as error:
        line = dialect.line + begins
        if dialect.delimiter == NO_DELIMITER:
            raise UnreadableFileError(
                f"no line fits as the header of columns, and line {line} has a delimiter between "
                "quoted values; declare header_line and delimiter, or make a file of each table"
            ) from error
        told = "that goes on after its end"
        if "end of data" in str(error) or "larger" in str(error):
            told = "that never closes"
        raise UnreadableFileError(
            f"line {line}: it has a quoted value {told} ({error}); correct the quotes there, or "
            "declare quote: '' if the file has none, or its delimiter"
        ) from error
    finally:
        csv.field_size_limit(limit)


@dataclass(frozen=True)
class _Staged:
    """The numbers of rows that are written, and of those that don't fit or repeat the header.

    `footer`, `sums` and `empty` are places, among the rows that fit, of those that are left out.
    `may_have_sums`: rows that are written may sum up others.
    """

    rows: int
    skipped: int
    footer: frozenset[int] = frozenset()
    sums: frozenset[int] = frozenset()
    empty: frozenset[int] = frozenset()
    may_have_sums: bool = False

    @property
    def left_out(self) -> frozenset[int]:
        return self.footer | self.sums | self.empty


def _stage(file: Path, dialect: Dialect, target: Path, footer_lines: int) -> _Staged:
    """Write the records, in larger blocks if a row needs them."""
    import pyarrow as pa

    size = _BLOCK_BYTES
    while True:
        try:
            found = _stage_by(file, dialect, target, footer_lines, size)
            more = _with_sums(target, dialect.width, found) if found.may_have_sums else None
            if more or found.empty:
                rows = found.rows + len(found.footer)
                found = more or found
                found = replace(found, rows=rows - len(found.left_out))
                _write_without(file, dialect, target, size, found.left_out)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise UnreadableFileError(str(error).splitlines()[0]) from error
            if size >= _LARGEST_BLOCK_BYTES:
                _require_cells(file, dialect)
                told = f"it has a row of more than {_LARGEST_BLOCK_BYTES:,} bytes"
                raise UnreadableFileError(f"{told}; export it without that row") from error
            size = min(8 * size, _LARGEST_BLOCK_BYTES)
        else:
            return found


def _stage_by(file: Path, dialect: Dialect, target: Path, footer_lines: int, size: int) -> _Staged:
    skipped = 0
    may_have_sums = False
    empty: list[int] = []

    def skip(_row: Any) -> str:
        nonlocal skipped
        skipped += 1
        return "skip"

    with RowGroups(target, dialect.width, max(footer_lines, _LAST_ROWS)) as groups:
        for batch in _batches(file, dialect, size, skip):
            good = _without_headers(batch, dialect)
            skipped += batch.num_rows - good.num_rows
            may_have_sums = may_have_sums or (
                groups.rows <= MOST_ROWS and _has_totals(good, at_top=not groups.rows)
            )
            empty += (groups.rows + place for place in _empty_rows(good))
            groups.write(good)
        if footer_lines:
            footer = _rows_of_footer(file, dialect, footer_lines) if skipped else footer_lines
            if footer >= groups.rows > 0:
                raise UnreadableFileError(
                    f"it has {groups.rows:,} rows, and {footer_lines:,} lines at its end are "
                    "declared as a footer: nothing is left; correct footer_lines"
                )
            may_have_sums = False
        else:
            last = groups.last_rows()
            footer = footer_rows(last)
            may_have_sums = may_have_sums or (len(last) > footer and _may_sum(last[-footer - 1]))
        dropped = groups.drop_last(footer)
    return _Staged(
        groups.rows,
        skipped,
        footer=frozenset(range(groups.rows, groups.rows + dropped)),
        empty=frozenset(place for place in empty if place < groups.rows),
        may_have_sums=may_have_sums,
    )


def _with_sums(target: Path, width: int, staged: _Staged) -> _Staged | None:
    """What is left if the written rows that sum up others are left out; None without any.

    The footer goes on above a sum that was the last row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def cells(column: int, places: Sequence[int]) -> list[str]:
        texts = pq.read_table(target, columns=[f"c{column}"]).column(0)
        found: list[str] = texts.take(pa.array(places, pa.int64())).to_pylist()
        return found

    found = sums(cells, staged.rows, width)
    if not found:
        return None
    footer = staged.footer
    if staged.rows - 1 in found:
        above = (at for at in reversed(range(staged.rows)) if at not in found)
        last = sorted(islice(above, _LAST_ROWS))
        columns = [cells(column, last) for column in range(width)]
        more = footer_rows(list(zip(*columns, strict=True)))
        footer |= {*last[len(last) - more :]}
    return replace(staged, footer=footer, sums=frozenset(found))


def _write_without(
    file: Path, dialect: Dialect, target: Path, size: int, left_out: frozenset[int]
) -> None:
    """Write the records again, without some of the rows that fit."""
    seen = 0
    with RowGroups(target, dialect.width) as groups:
        for batch in _batches(file, dialect, size, lambda _row: "skip"):
            good = _without_headers(batch, dialect)
            groups.write(_without(good, seen, left_out))
            seen += good.num_rows


def _empty_rows(batch: pa.RecordBatch) -> list[int]:
    """The places of rows without any text, in a table of several columns."""
    import pyarrow.compute as pc

    first, *others = batch.columns
    if not others or not batch.num_rows or pc.min(pc.binary_length(first)).as_py():
        return []
    length = pc.binary_length(first)
    for column in others:
        length = pc.add(length, pc.binary_length(column))
    found: list[int] = (length.to_numpy(zero_copy_only=False) == 0).nonzero()[0].tolist()
    return found


def _may_sum(row: Sequence[str]) -> bool:
    """Whether the last row may sum up the others: it starts with nothing, or has a total's word."""
    return not row[0].strip() or any(map(is_word_for_total, row))


def _has_totals(batch: pa.RecordBatch, *, at_top: bool) -> bool:
    """Whether a row starts with a word for a total, maybe after empty cells.

    The first row of the file may also start with nothing.
    """
    import pyarrow.compute as pc

    if not batch.num_rows:
        return False
    first = batch.column(0)
    if pc.any(pc.match_substring_regex(first, TOTAL)).as_py():
        return True
    if pc.min(pc.binary_length(first)).as_py():
        return False
    if at_top and not first[0].as_py():
        return True
    rows = batch.filter(pc.match_substring_regex(first, r"^\s*$"))
    return any(pc.any(pc.match_substring_regex(column, TOTAL)).as_py() for column in rows.columns)


def _batches(
    file: Path, dialect: Dialect, size: int, skip: Callable[[Any], str]
) -> Iterator[pa.RecordBatch]:
    """The rows of the dialect's width as text; `skip` is called for each of the others."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    columns = [f"c{n}" for n in range(dialect.width)]
    with file.open("rb") as stream:
        stream.seek(dialect.start)
        if not stream.read(1):
            return
        stream.seek(dialect.start)
        try:
            yield from pa_csv.open_csv(
                stream,
                read_options=pa_csv.ReadOptions(
                    column_names=columns, block_size=size, use_threads=False
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char=dialect.quote or False,
                    double_quote=dialect.escape is None,
                    escape_char=dialect.escape or False,
                    newlines_in_values=True,
                    invalid_row_handler=skip,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise


def _require_cells(file: Path, dialect: Dialect) -> None:
    """Raise UnreadableFileError for the first cell that a quote makes too long, if there is one."""
    for _ in _strictly(file, dialect):
        pass


def _without_headers(batch: pa.RecordBatch, dialect: Dialect) -> pa.RecordBatch:
    """The rows without repeated headers and titles, as concatenated exports have them."""
    for cells in (dialect.names, *dialect.titles):
        if len(cells) == dialect.width:
            batch = _without_those_like(batch, cells)
    return batch


def _without_those_like(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    import pyarrow.compute as pc

    # Match the longest name: comparing with a scalar imports pandas, 1.5 CPU seconds.
    place = max(range(len(names)), key=lambda n: len(names[n]))
    alike = pc.match_substring(batch.column(place), pattern=names[place].strip())
    if not pc.any(alike).as_py():
        return batch
    same = [repeats([*row.values()], names) for row in batch.filter(alike).to_pylist()]
    if not any(same):
        return batch
    found = iter(same)
    return batch.filter([not (one and next(found)) for one in alike.to_pylist()])


def _repeats(cells: Sequence[str], dialect: Dialect) -> bool:
    """Whether a row repeats the header, or a title above it."""
    return any(repeats(cells, names) for names in (dialect.names, *dialect.titles))


def _rows_of_footer(file: Path, dialect: Dialect, lines: int) -> int:
    """How many of the file's last rows look like records: a footer's rows may have other widths."""
    last = deque((cells for _, cells in _strictly(file, dialect)), maxlen=lines)
    return sum(len(cells) == dialect.width and not _repeats(cells, dialect) for cells in last)


def _good(file: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of the rows that fit and don't repeat the header."""
    for line, cells in _strictly(file, dialect):
        if len(cells) == dialect.width and not _repeats(cells, dialect):
            yield line, cells


def _without(batch: pa.RecordBatch, seen: int, left_out: frozenset[int]) -> pa.RecordBatch:
    """A batch without some rows; its first row is number `seen` of the file."""
    places = range(seen, seen + batch.num_rows)
    if left_out.isdisjoint(places):
        return batch
    return batch.filter([place not in left_out for place in places])


def _explained(
    file: Path, dialect: Dialect, staged: _Staged, footer: str, last: int | None
) -> Iterator[RowAside]:
    """Each row that isn't loaded, with its line: it doesn't fit, is left out, or is after `last`.

    `last` is the number of rows before a declared footer.
    """
    good = 0
    for number, (line, cells) in enumerate(_strictly(file, dialect)):
        found = len(cells)
        even = found == dialect.width
        if last is not None and number >= last:
            even, why = True, footer
        elif not even and not any(cell.strip(" \t\f\x1a") for cell in cells):
            even, why = True, "is empty"
        elif not even:
            why = f"has {found} cell{'s' * (found != 1)} instead of {dialect.width}"
        elif _repeats(cells, dialect):
            why = "repeats the header"
        else:
            good += 1
            if good - 1 in staged.sums:
                why = "sums up rows above"
            elif good - 1 in staged.footer:
                why = footer
            elif good - 1 in staged.empty:
                why = "is empty"
            else:
                continue
        yield RowAside(line, f"line {line} {why}", tuple(cells), expected=even)


def _rows_apart(file: Path, dialect: Dialect) -> Iterator[Row]:
    """The rows, and whether an empty line is above each.

    Without quotes, those that aren't near such a line are left out.
    """
    if _has(file, dialect.quote, dialect.start):
        if file.stat().st_size > _MOST_BYTES_LOOKED_AT:
            return
        before = dialect.line - 1
        for line, cells in _strictly(file, dialect):
            yield Row(line, cells, line > before + 1)
            before = line + sum(len(_LINE_END.findall(cell)) for cell in cells)
        return
    rows, last_empty, wanted = 0, False, 0
    for line, raw in enumerate(lines_of(file, dialect.start), dialect.line):
        if not raw.strip(b"\r\n"):
            last_empty = True
            continue
        wanted = 2 if last_empty and rows else wanted - 1
        if rows < LOOKED_AT or wanted > 0:
            text = raw.decode("utf-8").rstrip("\r\n")
            (cells,) = csv_reader(
                iter((text,)), dialect.delimiter, dialect.quote, dialect.escape, strict=False
            )
            yield Row(line, cells, last_empty and rows > 0)
        rows += 1
        last_empty = False


def _has_names(file: Path, dialect: Dialect) -> bool:
    """Whether the longest names of columns are in the rows of a file that isn't large."""
    missing = {name.encode() for name in sorted(dialect.names, key=len)[-_LONGEST_NAMES:]}
    if len({*dialect.names}) < 2 or file.stat().st_size > _MOST_BYTES_FOR_NAMES:
        return False
    rest = b""
    with file.open("rb") as stream:
        stream.seek(dialect.start)
        while missing and (chunk := stream.read(_BLOCK_BYTES)):
            text = rest + chunk
            missing = {name for name in missing if name not in text}
            rest = text[-max(map(len, missing), default=0) :]
    return not missing


def _has_empty_lines(file: Path, start: int) -> bool:
    """Whether an empty line is amid others."""
    with file.open("rb") as stream:
        stream.seek(start)
        rest = b""
        while chunk := stream.read(_BLOCK_BYTES):
            text = rest + chunk
            if any(gap in text for gap in _EMPTY_LINES) and _EMPTY_LINE.search(text):
                return True
            rest = chunk[-3:]
    return False


def _line_of(file: Path, dialect: Dialect, row: int, left_out: frozenset[int]) -> int:
    lines = (line for n, (line, _) in enumerate(_good(file, dialect)) if n not in left_out)
    return next(islice(lines, row, None), 0)
