"""Parquet, which has its own types: used unchanged if the table can take it, else converted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ingestion.files.conform import Conformed, Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.names import column_names
from ingestion.files.types import column_type, converted, refused
from ingestion.loading.widening import MOST_DIGITS, room
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from pyarrow import Array

_DIGITS_OF_A_SECOND = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def conform_parquet(
    connection: DuckDBPyConnection, file: Path, destination: Destination
) -> tuple[Conformed, int]:
    """The file for its table, and the row count in its metadata. Raises UnreadableFileError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        total = int(pq.read_metadata(file).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFileError(f"it is Parquet that is cut off or broken: {reason}") from error
    _require_digits(file)
    _require_microseconds(file)
    found = {
        name: type_
        for name, type_, *_ in connection.execute(
            "describe from read_parquet(?)", [str(file)]
        ).fetchall()
    }
    durations = _durations(file)
    found |= dict.fromkeys(durations, "DURATION")
    headers = list(found)
    places = column_names(headers, {m.header: c for c, m in destination.remembered.items()})
    names = {header: places[n] for n, header in enumerate(headers)}
    required = destination.declared | {*destination.table.primary_key}
    if absent := sorted(required - {*names.values()}):
        raise UnreadableFileError(
            f"it lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}; "
            f"found are {', '.join(found)}"
        )
    new, widened = {}, {}
    for header, name in names.items():
        kept = column_type(found[header])
        present = destination.columns.get(name)
        if present is None:
            new[name] = kept
        elif name not in destination.declared and (wide := room(present, kept)) != present:
            widened[name] = wide
    wanted = {**destination.columns, **new, **widened}
    if list(found.items()) == list(wanted.items()):
        return Conformed(file, total, new, widened), total
    _write(
        connection,
        file,
        found=found,
        names=names,
        wanted=wanted,
        target=destination.path,
        durations=durations,
    )
    return Conformed(destination.path, total, new, widened), total


def _require_digits(file: Path) -> None:
    """Refuse decimals of more digits than DuckDB has, which it would turn into doubles."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def parts(type_: pa.DataType) -> Iterator[pa.DataType]:
        yield type_
        for n in range(type_.num_fields):
            yield from parts(type_.field(n).type)

    for field in pq.read_schema(file):
        for type_ in parts(field.type):
            if pa.types.is_decimal(type_) and type_.precision > MOST_DIGITS:
                raise UnreadableFileError(
                    f"column {field.name}: its decimals have {type_.precision} digits, more than "
                    f"{MOST_DIGITS}; write it with fewer, or as text"
                )


def _require_microseconds(file: Path) -> None:
    """Refuse nanoseconds, which DuckDB would cut off; whole microseconds in ns are fine."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file)
    fine = [
        f
        for f in source.schema_arrow
        if getattr(f.type, "unit", "") == "ns" and not pa.types.is_duration(f.type)
    ]
    if not fine:
        return
    names = [field.name for field in fine]
    in_microseconds = pq.ParquetFile(file, coerce_int96_timestamp_unit="us")
    first = 0
    for batch, cut in zip(
        source.iter_batches(columns=names), in_microseconds.iter_batches(columns=names), strict=True
    ):
        for name, column, coerced in zip(names, batch.columns, cut.columns, strict=True):
            if reason := _cut_off(column, coerced):
                raise UnreadableFileError(
                    f"column {name}: it has nanoseconds in a row after row {first:,} "
                    f"({reason}); write it in microseconds"
                )
        first += batch.num_rows


def _cut_off(column: Array, coerced: Array) -> str:
    """Why a column in ns loses something in microseconds; "" if it doesn't.

    `coerced` is the same, except that it has the INT96 of Spark in microseconds. In ns, which end
    in 2262, they overflow; multiplied by 1,000, the microseconds overflow alike.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if coerced.type != column.type:
        whole = pc.multiply(coerced.cast(pa.int64()), 1000)
        lost = pc.any(pc.not_equal(whole, column.cast(pa.int64()))).as_py()
        return "as INT96" if lost else ""
    is_time = pa.types.is_time(column.type)
    try:
        column.cast(pa.time64("us") if is_time else pa.timestamp("us", column.type.tz))
    except pa.ArrowInvalid as error:
        return str(error)
    return ""


def _durations(file: Path) -> dict[str, str]:
    """SQL that writes each column of durations as in a workbook: `27:30:00`.

    For DuckDB they are numbers, without a known unit.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [field for field in pq.read_schema(file) if pa.types.is_duration(field.type)]
    return {field.name: _clock(identifier(field.name), field.type.unit) for field in fields}


def _clock(value: str, unit: str) -> str:
    digits = _DIGITS_OF_A_SECOND[unit]
    whole, rest = (f"(abs({value}::hugeint) {op} {10**digits})" for op in ("//", "%"))
    parts = [
        f"if({value} < 0, '-', '')",
        f"({whole} // 3600)",
        f"':' || lpad(({whole} // 60 % 60)::varchar, 2, '0')",
        f"':' || lpad(({whole} % 60)::varchar, 2, '0')",
        f"if({rest} = 0, '', '.' || rtrim(lpad({rest}::varchar, {digits}, '0'), '0'))",
    ]
    return " || ".join(parts)


def _write(  # noqa: PLR0913
    connection: DuckDBPyConnection,
    file: Path,
    *,
    found: Mapping[str, str],
    names: Mapping[str, str],
    wanted: Mapping[str, str],
    target: Path,
    durations: Mapping[str, str],
) -> None:
    """Write with the wanted columns and types. Refuses values that would change."""
    originals = {name: original for original, name in names.items()}
    source = f"read_parquet({literal(file)}, file_row_number = true)"
    selected, suspects = [], []
    for name, type_ in wanted.items():
        original = originals.get(name)
        if original is None:
            selected.append(f"cast(null as {type_}) as {identifier(name)}")
        elif found[original] == type_:
            selected.append(f"{identifier(original)} as {identifier(name)}")
        else:
            nested = type_ == "JSON" and found[original] != "VARCHAR"
            kind = "json" if nested else "varchar"
            value = durations.get(original, identifier(original))
            text = f"cast(cast({value} as {kind}) as varchar)"
            selected.append(f"{converted(text, type_)} as {identifier(name)}")
            if (condition := refused(text, type_)) is not None:
                suspects.append((original, name, type_, condition))
    if suspects:
        any_refused = ", ".join(f"count(*) filter (where {s[3]})" for s in suspects)
        counts = connection.execute(f"select {any_refused} from {source}").fetchone() or ()
        for count, (original, name, type_, condition) in zip(counts, suspects, strict=True):
            if count:
                row = connection.execute(
                    f"select file_row_number + 1, {identifier(original)} from {source} "
                    f"where {condition} order by 1 limit 1"
                ).fetchone()
                number, value = row or (0, None)
                raise UnreadableFileError(
                    f"column {name}: {count:,} of its values are no {type_.lower()}, "
                    f"the first {str(value)[:80]!r} in row {number:,} "
                    f"(the file has it as {found[original].lower()})"
                )
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy (select {', '.join(selected)} from {source}) to {literal(target)} (format parquet)"
    )
