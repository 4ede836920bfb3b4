"""Writes a stream's records to Parquet, in batches, with the table's types.

Memory is bounded by the batch. Rows keep the order of the records, so that what a STATE message
covers is a prefix of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.airbyte.columns import column_name, type_of_values
from ingestion.airbyte.conversion import arrow_type, to_arrow
from stack.errors import StackError
from stack.sql import literal
from stack.warehouse import count_rows
from stack.warehouse.limits import duckdb_memory_limit

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BATCH_ROWS = 50_000
# Bytes of JSON held by all streams together; as Python objects they take some ten times more.
BUFFER_BYTES = 16 << 20
MAX_QUARANTINED = 1000


class TooManyBadRecordsError(StackError):
    """So many records don't fit their table that its declaration must be wrong."""


@dataclass(frozen=True)
class BadRecord:
    """A record that doesn't fit its table; `position` counts the stream's records from 0."""

    position: int
    reason: str
    data: Any


class RecordWriter:
    """Writes one stream's records below `folder`.

    `columns` are the table's columns with their types, `fields` the column of each record field.
    A field that is in neither gets its own column once it has a value: with the type that
    `later_types` gives for the column, else that of its values. `known` are the columns that fields
    of earlier syncs have.
    """

    def __init__(  # noqa: PLR0913 - what a stream is, once
        self,
        stream: str,
        folder: Path,
        *,
        columns: Mapping[str, str],
        fields: Mapping[str, str],
        later_types: Mapping[str, str],
        primary_key: Sequence[str],
        known: Mapping[str, str] | None = None,
    ) -> None:
        self.stream = stream
        self.columns = dict(columns)
        self.fields = dict(fields)
        self.later_types = dict(later_types)
        self.known = dict(known or {})
        self.primary_key = tuple(primary_key)
        self.seen = 0
        self.covered = 0
        self.merged_away = 0
        self.bad: list[BadRecord] = []
        self.buffered_bytes = 0
        self._folder = folder
        self._buffer: list[dict[str, Any]] = []
        self._parts: list[Path] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, data: dict[str, Any], size: int) -> None:
        """Take a record whose JSON has `size` bytes."""
        self._buffer.append(data)
        self.buffered_bytes += size
        self.seen += 1

    def add_bad(self, data: Any, reason: str) -> None:
        """Take something that is no record; flush what was added before it first."""
        self.bad.append(BadRecord(self.seen, f"{self.stream}: {reason}", data))
        self.seen += 1
        self._require_few()

    @property
    def is_full(self) -> bool:
        """Whether it is time to `flush`."""
        return len(self._buffer) >= BATCH_ROWS or self.buffered_bytes >= BUFFER_BYTES

    def mark(self) -> None:
        """All records up to here are covered by a STATE message."""
        self.covered = self.seen

    def flush(self) -> None:
        """Write what is buffered. Raises TooManyBadRecordsError."""
        if not self._buffer:
            return
        batch, self._buffer, self.buffered_bytes = self._buffer, [], 0
        if self._take_new_fields(batch):
            self._close_part()
        table = self._to_table(batch, first=self.seen - len(batch))
        if self._writer is None:
            import pyarrow.parquet as pq

            self._folder.mkdir(parents=True, exist_ok=True)
            self._parts.append(self._folder / f"part-{len(self._parts)}.parquet")
            self._writer = pq.ParquetWriter(self._parts[-1], table.schema, compression="zstd")
        self._writer.write_table(table)

    def finish(
        self, *, covered_only: bool = False, even_if_empty: bool = False
    ) -> tuple[Path, int] | None:
        """The stream's file and its number of rows; None if it has none, unless `even_if_empty`.

        `covered_only` leaves out what came after the last `mark`. Of several records with the same
        key the last one is kept, and `merged_away` counts the others. No record can be added
        afterwards.
        """
        self.flush()
        self._close_part()
        rows = self.covered if covered_only else self.seen
        if covered_only:
            self.bad = [record for record in self.bad if record.position < rows]
        whole = rows == self.seen
        rows -= len(self.bad)
        if not self.columns or (not rows and not even_if_empty):
            return None
        path = self._folder / "records.parquet"
        self._folder.mkdir(parents=True, exist_ok=True)
        if whole and len(self._parts) == 1:
            self._parts[0].rename(path)
        else:
            self._join(path, rows)
        kept, count = self._last_of_each_key(path)
        self.merged_away = rows - count
        return kept, count

    def _take_new_fields(self, batch: list[dict[str, Any]]) -> bool:
        keys: dict[str, None] = {}
        for data in batch:
            keys.update(dict.fromkeys(data))
        found = False
        for field in keys:
            if field in self.fields:
                continue
            kind = type_of_values(data.get(field) for data in batch)
            if kind is None:
                continue  # only nulls so far: the type isn't known yet
            taken = (*self.fields.values(), *self.known.values())
            name = self.known.get(field) or column_name(field, taken)
            self.columns[name] = self.later_types.get(name, kind)
            self.fields[field] = name
            found = True
        return found

    def _to_table(self, batch: list[dict[str, Any]], first: int) -> pa.Table:
        import pyarrow as pa

        by_column = {column: field for field, column in self.fields.items()}
        bad: dict[int, str] = {}
        arrays = []
        for column, kind in self.columns.items():
            field = by_column.get(column, column)
            values = [data.get(field) for data in batch]
            array, reasons = to_arrow(values, kind)
            if column in self.primary_key and array.null_count:
                nulls = (i for i, v in enumerate(array) if not v.is_valid and i not in reasons)
                reasons |= dict.fromkeys(nulls, "found null in the primary key")
            for position, reason in reasons.items():
                bad.setdefault(position, f"{self.stream}.{field}: {reason}")
            arrays.append(array)
        if absent := [key for key in self.primary_key if key not in self.columns]:
            told = f"{self.stream}: found no {', '.join(absent)}, the primary key"
            bad |= {position: told for position in range(len(batch)) if position not in bad}
        table = pa.Table.from_arrays(arrays, schema=self._schema())
        if bad:
            self._quarantine(batch, bad, first)
            table = table.filter(pa.array([i not in bad for i in range(len(batch))]))
        return table

    def _quarantine(self, batch: list[dict[str, Any]], bad: dict[int, str], first: int) -> None:
        for i in sorted(bad):
            self.bad.append(BadRecord(first + i, bad[i], batch[i]))
        self._require_few()

    def _require_few(self) -> None:
        if len(self.bad) > MAX_QUARANTINED:
            raise TooManyBadRecordsError(
                f"more than {MAX_QUARANTINED:,} records don't fit their table, first "
                f"{self.bad[0].reason}; correct the column's type"
            )

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        return pa.schema([pa.field(name, arrow_type(t)) for name, t in self.columns.items()])

    def _close_part(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _join(self, path: Path, rows: int) -> None:
        """The first `rows` rows of all parts as one file with the columns of the last."""
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, self._schema(), compression="zstd") as writer:
            for table in self._widened():
                taken = table.slice(0, min(rows, table.num_rows))
                writer.write_table(taken)
                rows -= taken.num_rows
                if not rows:
                    break

    def _widened(self) -> Iterator[pa.Table]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = self._schema()
        for part in self._parts:
            with pq.ParquetFile(part) as file:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    for field in schema:
                        if field.name not in table.column_names:
                            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
                    yield table.select(schema.names)

    def _last_of_each_key(self, path: Path) -> tuple[Path, int]:
        import duckdb
        import pyarrow.parquet as pq

        rows = pq.read_metadata(path).num_rows
        if not self.primary_key:
            return path, rows
        key = ", ".join(f'"{name}"' for name in self.primary_key)
        with duckdb.connect(config={"memory_limit": duckdb_memory_limit()}) as connection:
            distinct = f"(select distinct {key} from read_parquet(?))"
            if count_rows(connection, distinct, [str(path)]) == rows:
                return path, rows
            target = path.with_name("latest.parquet")
            connection.execute(
                f"copy (select * exclude (file_row_number) "
                f"from read_parquet({literal(path)}, file_row_number = true) "
                f"qualify row_number() over (partition by {key} order by file_row_number desc) = 1 "
                f"order by file_row_number) to {literal(target)} (format parquet)"
            )
        return target, pq.read_metadata(target).num_rows
