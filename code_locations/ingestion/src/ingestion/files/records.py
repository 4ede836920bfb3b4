"""The records of a file as text: Parquet with a text column for each column of the file."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_T = TypeVar("_T")

_BATCH_ROWS = 20_000
# Large enough for values to repeat, small enough for what DuckDB keeps in order: for 2 GB it took
# 1.5 GB of memory with groups of 120,000 rows, 0.5 GB with these.
_GROUP_ROWS = 1 << 15
_GROUP_BYTES = 16 << 20
_LONGEST_DIGITS = 40


@dataclass(frozen=True)
class RowAside:
    """A row that isn't loaded: the line where it starts, why, and what it holds.

    `expected`: nobody has to act on it, such as a footer or a repeated header.
    """

    line: int
    reason: str
    cells: tuple[str, ...]
    expected: bool = False


@dataclass(frozen=True)
class Records:
    """Records as text in a Parquet file with the columns `c0`, `c1`, …, called `names` in the file.

    `rows` are in it, `aside` aren't; `total` is their sum, counted independently. `kinds` says what
    each column's values were, if the format has types: number, text, boolean, date, timestamp,
    time, nested, blob. `units` are shown by a sheet with a column's numbers: a currency, `%`, ""
    for neither, None if unknown. `blank_is_null`: empty text is no value. `breaks` are sentences
    about totals that don't agree, `preamble` the lines before the header. `line` gives the line of
    the n-th row of the Parquet file, from 0, for messages.
    """

    path: Path
    names: tuple[str, ...]
    rows: int
    total: int
    aside: tuple[RowAside, ...] = ()
    kinds: tuple[frozenset[str], ...] = ()
    units: tuple[str | None, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    preamble: tuple[str, ...] = ()
    line: Callable[[int], int] = lambda row: row + 1
    unit: str = "line"
    blank_is_null: bool = True


class RowGroups:
    """Writes batches of text to a Parquet file, in row groups that DuckDB reads quickly.

    A column with repeated values is dictionary-encoded, so that DuckDB later computes with each
    distinct value once. The last `held_back` rows are written only at the end, and can be dropped
    before.
    """

    def __init__(self, target: Path, width: int, held_back: int = 0) -> None:
        import pyarrow as pa

        self.rows = 0
        self._held_back = held_back
        self._target = target
        self._schema = pa.schema([(f"c{n}", pa.string()) for n in range(width)])
        self._pending: list[pa.RecordBatch] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> RowGroups:
        """Return itself; the file is complete when the block ends."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write what is left, unless there was an error."""
        if kind is None:
            self._flush(0)
        if self._writer is not None:
            self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        self._pending.append(batch)
        waiting = sum(batch.num_rows for batch in self._pending)
        if waiting >= _GROUP_ROWS or sum(batch.nbytes for batch in self._pending) >= _GROUP_BYTES:
            self._flush(min(self._held_back, waiting))

    def last_rows(self) -> list[list[str]]:
        """The rows that are held back."""
        table = self._waiting()
        last = table.slice(max(0, table.num_rows - self._held_back))
        return [list(row.values()) for row in last.to_pylist()]

    def drop_last(self, rows: int) -> int:
        """Leave out up to this many of the last rows; return how many there were."""
        table = self._waiting()
        dropped = min(rows, int(table.num_rows))
        self._pending = table.slice(0, table.num_rows - dropped).to_batches()
        self.rows -= dropped
        return dropped

    def _waiting(self) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_batches(self._pending, self._schema)

    def _flush(self, held_back: int) -> None:
        import pyarrow.parquet as pq

        table = self._waiting()
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._target, self._schema, compression="none", write_statistics=False,
                use_dictionary=_repeating(self._pending[0]) if self._pending else False,
            )  # fmt: skip
        written = table.num_rows - held_back
        if written:
            self._writer.write_table(table.slice(0, written), row_group_size=table.num_rows)
        self._pending = table.slice(written).to_batches()


def _repeating(batch: pa.RecordBatch) -> list[str]:
    """The columns in which each value occurs at least twice on average."""
    import pyarrow.compute as pc

    return [
        name
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if 2 * pc.count_distinct(column).as_py() <= batch.num_rows
    ]


def write_rows(
    rows: Iterable[tuple[int, dict[str, Any]]],
    target: Path,
    unit: str = "line",
    names: Iterable[str] = (),
) -> Records:
    """Write rows of native values, each with its line, as text to `target`.

    The columns are `names`, then those of the rows in order of appearance.
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
    with RowGroups(target, len(kinds)) as groups:
        for part in parts:
            table = pq.read_table(part)
            for n in range(table.num_columns, len(kinds)):
                table = table.append_column(f"c{n}", pa.nulls(table.num_rows, pa.string()))
            for batch in table.to_batches():
                groups.write(batch)
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
    """The texts for Arrow; half a surrogate pair, which isn't text, is escaped as in JSON."""
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
    """(kind, text) of a native value; the text is as exact as the value."""
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
