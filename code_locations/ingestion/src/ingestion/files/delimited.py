"""Delimited text as records: read by pyarrow, and counted by other means.

The dialect leaves nothing to pyarrow. Rows are counted by line ends and quotes, or where these are
irregular by Python's csv module, which is strict. Both must agree on every row, or the file is
refused.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.dialect import LONGEST_CELL, Dialect, csv_reader, lines_of
from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import is_total
from ingestion.files.quoted import count_rows
from ingestion.files.records import Records, RowAside, RowGroups

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 1 << 20
# What a row may have.
_LARGEST_BLOCK_BYTES = 16 << 20
_LAST_ROWS = 8
_LF = 10
# As many rows may not fit as do: beyond, the dialect is what is wrong.
_MOST_ASIDE = 0.5
_TITLE_WITHIN = 3
_PAGE = re.compile(r"\b(page|seite|pagina|página|blatt|strona)\b", re.IGNORECASE)


def read_delimited(file: Path, dialect: Dialect, target: Path, footer_lines: int = 0) -> Records:
    """Read delimited text in UTF-8 into `target`. Raises UnreadableFileError."""
    if not dialect.width:
        raise UnreadableFileError("it has no columns")
    total = _count(file, dialect)
    rows, skipped, footer = _stage(file, dialect, target, footer_lines)
    aside: tuple[RowAside, ...] = ()
    if skipped or footer:
        why = (
            "is a footer, as declared" if footer_lines else "is empty, or a total of the rows above"
        )
        last = total - footer_lines if footer_lines else None
        aside = tuple(_explained(file, dialect, rows, why, last))
    if rows + len(aside) != total:
        raise UnreadableFileError(
            f"it was read in two ways, which gave {rows + len(aside):,} and {total:,} rows; "
            "its quotes are not as in CSV: export it anew, or declare quote and delimiter"
        )
    _refuse_another_table(aside, dialect)
    odd = [row for row in aside if not row.expected]
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
        line=lambda row: _line_of(file, dialect, row),
    )


def _count(file: Path, dialect: Dialect) -> int:
    """Rows after the header. Raises UnreadableFileError where a quote goes wrong."""
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
    """Lines that aren't empty."""
    import numpy as np

    count, before = 0, b"\n"
    with file.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(_BLOCK_BYTES):
            text = before + chunk
            before = chunk[-1:]
            if b"\r" in text:
                text = re.sub(rb"\r\n?", b"\n", text)
            # A line begins after each end that isn't followed by another, or by nothing yet.
            ends = np.frombuffer(text, np.uint8) == _LF
            count += int(np.count_nonzero(ends[:-1] & ~ends[1:]))
    return count


def _strictly(file: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row. Raises UnreadableFileError where a quote goes wrong."""
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
        told = "that goes on after its end"
        if "end of data" in str(error) or "larger" in str(error):
            told = "that never closes"
        raise UnreadableFileError(
            f"line {line}: it has a quoted value {told} ({error}); correct the quotes there, or "
            "declare quote: '' if the file has none"
        ) from error
    finally:
        csv.field_size_limit(limit)


def _stage(file: Path, dialect: Dialect, target: Path, footer_lines: int) -> tuple[int, int, int]:
    """Write the records; how many they are, how many don't fit, and how many the footer has."""
    import pyarrow as pa

    size = _BLOCK_BYTES
    while True:
        try:
            return _stage_by(file, dialect, target, footer_lines, size)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise UnreadableFileError(str(error).splitlines()[0]) from error
            if size >= _LARGEST_BLOCK_BYTES:
                _require_cells(file, dialect)
                told = f"it has a row of more than {_LARGEST_BLOCK_BYTES:,} bytes"
                raise UnreadableFileError(f"{told}; export it without that row") from error
            size = min(8 * size, _LARGEST_BLOCK_BYTES)


def _stage_by(
    file: Path, dialect: Dialect, target: Path, footer_lines: int, size: int
) -> tuple[int, int, int]:
    skipped = 0

    def skip(_row: Any) -> str:
        nonlocal skipped
        skipped += 1
        return "skip"

    with RowGroups(target, dialect.width, max(footer_lines, _LAST_ROWS)) as groups:
        for batch in _batches(file, dialect, size, skip):
            kept = _without_headers(batch, dialect.names)
            skipped += batch.num_rows - kept.num_rows
            groups.write(kept)
        if footer_lines:
            footer = _rows_of_footer(file, dialect, footer_lines) if skipped else footer_lines
            if footer >= groups.rows > 0:
                raise UnreadableFileError(
                    f"it has {groups.rows:,} rows, and {footer_lines:,} lines at its end are "
                    "declared as a footer: nothing is left; correct footer_lines"
                )
        else:
            footer = _footer(groups.last_rows())
        groups.drop_last(footer)
    return groups.rows, skipped, footer


def _batches(
    file: Path, dialect: Dialect, size: int, skip: Callable[[Any], str]
) -> Iterator[pa.RecordBatch]:
    """The rows of the dialect's width as text; `skip` is called for each other row."""
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
    """Name the first cell that a quote makes too long. Raises UnreadableFileError."""
    for _ in _strictly(file, dialect):
        pass


def _without_headers(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    """The rows that don't repeat the header, as those of exports that were put together do."""
    import pyarrow.compute as pc

    # By the start of the longest name: comparing with a scalar would import pandas, 1.5 CPU s.
    place = max(range(len(names)), key=lambda n: len(names[n]))
    alike = pc.starts_with(batch.column(place), pattern=names[place])
    if not pc.any(alike).as_py():
        return batch
    same = [tuple(row.values()) == tuple(names) for row in batch.filter(alike).to_pylist()]
    if not any(same):
        return batch
    found = iter(same)
    return batch.filter([not (one and next(found)) for one in alike.to_pylist()])


def _rows_of_footer(file: Path, dialect: Dialect, lines: int) -> int:
    """How many of the file's last rows look like records: a footer may have other widths."""
    last = deque((cells for _, cells in _strictly(file, dialect)), maxlen=lines)
    return sum(len(cells) == dialect.width and tuple(cells) != dialect.names for cells in last)


def _footer(last: Sequence[Sequence[str]]) -> int:
    """How many of the last rows are no records: totals, empty ones, and a note below these."""
    found = 0
    for number, row in enumerate(reversed(last), 1):
        above = last[-number - 1] if number < len(last) else ()
        filled = sum(bool(cell.strip()) for cell in row)
        note = filled == 1 and len(row) > 2 and above and not any(above)
        if is_total(row, _full(last)) or note or (not filled and len(row) > 1):
            found = number
        else:
            break
    return found


def _full(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """The fullest of some rows, the first where several are: one that is no total."""
    return max(rows, key=lambda row: sum(bool(cell.strip()) for cell in row))


def _explained(
    file: Path, dialect: Dialect, rows: int, footer: str, last: int | None
) -> Iterator[RowAside]:
    """Each row that isn't loaded, with its line: those that don't fit, and all beyond `rows`.

    `last`: the rows before a declared footer.
    """
    good = 0
    for number, (line, cells) in enumerate(_strictly(file, dialect)):
        found = len(cells)
        even = found == dialect.width
        if last is not None and number >= last:
            even, why = True, footer
        elif not even:
            why = f"has {found} cell{'s' * (found != 1)} instead of {dialect.width}"
        elif tuple(cells) == dialect.names:
            why = "repeats the header"
        elif good >= rows:
            why = footer
        else:
            good += 1
            continue
        yield RowAside(line, f"line {line} {why}", tuple(cells), expected=even)


def _refuse_another_table(aside: Sequence[RowAside], dialect: Dialect) -> None:
    """Refuse rows below a title of their own and the same header: they are of another kind."""
    for title, header in pairwise(aside):
        text = " ".join(cell for cell in title.cells if cell.strip())
        if (
            header.cells == dialect.names
            and not title.expected
            and header.line - title.line <= _TITLE_WITHIN
            and dialect.delimiter.join(title.cells) not in dialect.preamble
            and not _PAGE.search(text)
        ):
            raise UnreadableFileError(
                f"line {title.line} ({text[:60]}) begins another table with the same header; make "
                "a file of each"
            )


def _line_of(file: Path, dialect: Dialect, row: int) -> int:
    good = (
        line
        for line, cells in _strictly(file, dialect)
        if len(cells) == dialect.width and tuple(cells) != dialect.names
    )
    return next((line for n, line in enumerate(good) if n == row), 0)
