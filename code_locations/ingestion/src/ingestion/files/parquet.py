"""Parquet, which has types of its own: as it is where the table takes it so, else converted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingestion.files.conform import Conformed, Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.names import column_names
from ingestion.files.types import column_type, converted, refused
from ingestion.loading.widening import room
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection


def conform_parquet(
    connection: DuckDBPyConnection, file: Path, destination: Destination
) -> tuple[Conformed, int]:
    """The file for its table, and its rows by its own metadata. Raises UnreadableFileError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        total = int(pq.read_metadata(file).num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFileError(f"it is Parquet that is cut off or broken: {reason}") from error
    found = {
        name: type_
        for name, type_, *_ in connection.execute(
            "describe from read_parquet(?)", [str(file)]
        ).fetchall()
    }
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
    _write(connection, file, found=found, names=names, wanted=wanted, target=destination.path)
    return Conformed(destination.path, total, new, widened), total


def _write(  # noqa: PLR0913
    connection: DuckDBPyConnection,
    file: Path,
    *,
    found: Mapping[str, str],
    names: Mapping[str, str],
    wanted: Mapping[str, str],
    target: Path,
) -> None:
    """Write with the wanted columns and types. Refuses a value that would change."""
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
            text = f"cast(cast({identifier(original)} as {kind}) as varchar)"
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
