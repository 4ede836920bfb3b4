"""The records of a file as text: Parquet with a column of text for each of the file's.

Delimited text is read by pyarrow, with a dialect that leaves nothing to it, and counted by other
means: by line ends and quotes, or where these are irregular by Python's csv module, which is
strict. Both must agree on every row, or the file is refused.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ingestion.files.dialect import LONGEST_CELL, Dialect, csv_reader, lines_of
from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import is_total
from ingestion.files.quoted import count_rows

if TYPE_CHECKING:
    import pyarrow as pa

_T = TypeVar("_T")

_BLOCK_BYTES = 1 << 20
# What a row may have.
_LARGEST_BLOCK_BYTES = 16 << 20
_BATCH_ROWS = 20_000
_LAST_ROWS = 8
_LONGEST_DIGITS = 40
# As many rows may not fit as do: beyond, the dialect is what is wrong.
_MOST_ASIDE = 0.5
_TITLE_WITHIN = 3
_PAGE = re.compile(r"\b(page|seite|pagina|página|blatt|strona)\b", re.IGNORECASE)


@dataclass(frozen=True)
class RowAside:
    """A row that isn't loaded: the line where it begins, why, and what it holds.

    `expected`: a footer or a header that comes again, which nobody has to do anything about.
    """

    line: int
    reason: str
    cells: tuple[str, ...]
    expected: bool = False


@dataclass(frozen=True)
class Records:
    """Records as text in a Parquet file, whose columns are `c0`, `c1`, …, with the file's `names`.

    `rows` are in it, `aside` are not, and `total` is their sum by a count of its own. `kinds` says
    what each column's values were where the format tells: number, text, boolean, date, timestamp,
    time, nested, blob. `blank_is_null`: text without a character is no value. `breaks` are
    sentences about totals that don't agree, `preamble` the lines before the header. `line` gives
    the line of the n-th row of the Parquet file, from 0, for messages.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    total: int
    aside: tuple[RowAside, ...] = ()
    kinds: tuple[frozenset[str], ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    preamble: tuple[str, ...] = ()
    line: Callable[[int], int] = lambda row: row + 1
    unit: str = "line"
    blank_is_null: bool = True


def read_delimited(file: Path, dialect: Dialect, target: Path, footer_lines: int = 0) -> Records:
    """Read delimited text in UTF-8 into `target`. Raises UnreadableFileError."""
    if not dialect.width:
        raise UnreadableFileError("it has no columns")
    total = _count(file, dialect)
    staged, skipped = _stage(file, dialect, target)
    footer = footer_lines or _footer(_last_rows(target, staged))
    rows = staged - footer
    aside: tuple[RowAside, ...] = ()
    if skipped or footer:
        why = (
            "is a footer, as declared" if footer_lines else "is empty, or a total of the rows above"
        )
        aside = tuple(_explained(file, dialect, rows, why))
        if footer:
            _shorten(target, rows)
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
    count, before = 0, b"\n"
    with file.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(_BLOCK_BYTES):
            text = before + chunk
            before = chunk[-1:]
            if b"\r" in text:
                text = re.sub(rb"\r\n?", b"\n", text)
            # A line begins after each end that isn't followed by another, or by nothing yet.
            empty = len(re.findall(rb"\n(?=\n)", text)) if b"\n\n" in text else 0
            count += text.count(b"\n") - empty - text.endswith(b"\n")
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


def _stage(file: Path, dialect: Dialect, target: Path) -> tuple[int, int]:
    """Write the rows of the right width; how many they are, and how many are not."""
    import pyarrow as pa

    size = _BLOCK_BYTES
    while True:
        try:
            return _stage_by(file, dialect, target, size)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise UnreadableFileError(str(error).splitlines()[0]) from error
            if size >= _LARGEST_BLOCK_BYTES:
                _require_cells(file, dialect)
                told = f"it has a row of more than {_LARGEST_BLOCK_BYTES:,} bytes"
                raise UnreadableFileError(f"{told}; export it without that row") from error
            size = min(8 * size, _LARGEST_BLOCK_BYTES)


def _require_cells(file: Path, dialect: Dialect) -> None:
    """Name the first cell that a quote makes too long. Raises UnreadableFileError."""
    for _ in _strictly(file, dialect):
        pass


def _stage_by(file: Path, dialect: Dialect, target: Path, size: int) -> tuple[int, int]:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    skipped = 0

    def skip(_row: Any) -> str:
        nonlocal skipped
        skipped += 1
        return "skip"

    columns = [f"c{n}" for n in range(dialect.width)]
    schema = pa.schema([(name, pa.string()) for name in columns])
    rows = 0
    with (
        file.open("rb") as stream,
        pq.ParquetWriter(
            target, schema, compression="lz4", use_dictionary=False, write_statistics=False
        ) as out,
    ):
        stream.seek(dialect.start)
        if not stream.read(1):
            return 0, 0
        stream.seek(dialect.start)
        try:
            reader = pa_csv.open_csv(
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
                    column_types=schema, strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return 0, skipped
            raise
        for batch in reader:
            kept = _without_headers(batch, dialect.names)
            skipped += batch.num_rows - kept.num_rows
            rows += kept.num_rows
            if kept.num_rows:
                out.write_batch(kept)
    return rows, skipped


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


def _last_rows(target: Path, rows: int) -> list[list[str]]:
    import pyarrow.parquet as pq

    if not rows:
        return []
    parquet = pq.ParquetFile(target)
    last = parquet.read_row_group(parquet.num_row_groups - 1)
    return [
        list(row.values()) for row in last.slice(max(0, last.num_rows - _LAST_ROWS)).to_pylist()
    ]


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


def _explained(file: Path, dialect: Dialect, rows: int, footer: str) -> Iterator[RowAside]:
    """Each row that isn't loaded, with its line: those that don't fit, and all beyond `rows`."""
    good = 0
    for line, cells in _strictly(file, dialect):
        found = len(cells)
        even = found == dialect.width
        if not even:
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


def _shorten(target: Path, rows: int) -> None:
    import pyarrow.parquet as pq

    shorter = target.with_suffix(".shorter.parquet")
    parquet = pq.ParquetFile(target)
    with pq.ParquetWriter(shorter, parquet.schema_arrow) as out:
        for batch in parquet.iter_batches(_BATCH_ROWS):
            kept = min(rows, batch.num_rows)
            out.write_batch(batch.slice(0, kept))
            rows -= kept
    shorter.replace(target)


def _line_of(file: Path, dialect: Dialect, row: int) -> int:
    good = (
        line
        for line, cells in _strictly(file, dialect)
        if len(cells) == dialect.width and tuple(cells) != dialect.names
    )
    return next((line for n, line in enumerate(good) if n == row), 0)


def write_rows(
    rows: Iterable[tuple[int, dict[str, Any]]],
    target: Path,
    unit: str = "line",
    names: Iterable[str] = (),
) -> Records:
    """Rows of native values, each with its line, as text in `target`.

    The columns are `names`, and those of all rows in the order in which they are met.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds: dict[str, set[str]] = {name: set() for name in names}
    lines = array("Q")
    parts: list[Path] = []
    for batch in batched(rows, _BATCH_ROWS):
        for _, row in batch:
            for name in row:
                kinds.setdefault(name, set())
        columns: dict[str, list[str | None]] = {name: [] for name in kinds}
        for line, row in batch:
            lines.append(line)
            for name, found in columns.items():
                kind, text = as_text(row.get(name))
                found.append(text)
                if kind:
                    kinds[name].add(kind)
        arrays = [_strings(found) for found in columns.values()]
        parts.append(target.with_name(f"{target.name}.{len(parts)}"))
        table = pa.Table.from_arrays(arrays, names=[f"c{n}" for n in range(len(arrays))])
        pq.write_table(table, parts[-1], compression="lz4", use_dictionary=False)
    schema = pa.schema([(f"c{n}", pa.string()) for n in range(len(kinds))])
    with pq.ParquetWriter(target, schema, compression="lz4", use_dictionary=False) as out:
        for part in parts:
            table = pq.read_table(part)
            for field_ in list(schema)[table.num_columns :]:
                table = table.append_column(field_, pa.nulls(table.num_rows, pa.string()))
            out.write_table(table)
            part.unlink()
    return Records(
        path=target,
        names=tuple(kinds),
        rows=len(lines),
        total=len(lines),
        kinds=tuple(frozenset(found) for found in kinds.values()),
        line=lambda row: lines[row],
        unit=unit,
    )


def _strings(texts: Sequence[str | None]) -> pa.Array:
    """As Arrow; half of a surrogate pair, which is no text, as JSON writes it."""
    import pyarrow as pa

    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        plain = [
            None if text is None else text.encode(errors="backslashreplace").decode()
            for text in texts
        ]
        return pa.array(plain, pa.string())


def as_text(value: Any) -> tuple[str, str | None]:  # noqa: PLR0911 one for each type
    """(kind, text) of a native value, the text as exact as the value."""
    if value is None:
        return "", None
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int):
        return "number", str(value)
    if isinstance(value, Decimal):
        return "number", format(value, "f") if abs(value.adjusted()) < _LONGEST_DIGITS else str(
            value
        )
    if isinstance(value, float):
        return "double", repr(value)
    if isinstance(value, datetime):
        return "timestamptz" if value.tzinfo else "timestamp", value.isoformat(sep=" ")
    if isinstance(value, date):
        return "date", value.isoformat()
    if isinstance(value, time):
        return "time", value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        sign = "-" * (seconds < 0)
        hours, rest = divmod(abs(seconds), 3600)
        return "duration", f"{sign}{hours}:{rest // 60:02d}:{rest % 60:02d}"
    if isinstance(value, bytes):
        return "blob", "".join(f"\\x{byte:02X}" for byte in value)  # as DuckDB writes it
    if not isinstance(value, dict | list | tuple):
        return "text", str(value)
    import simplejson

    return "nested", simplejson.dumps(value, use_decimal=True, ensure_ascii=False, default=str)


def batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Lists of up to `size` items."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
