"""One file into one Parquet file that its raw table takes, or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files.counting import count_records
from ingestion.files.listing import Format
from ingestion.files.types import column_type, converted, refused
from ingestion.loading.files import keys_unique, write_newest_rows
from stack.errors import StackError, one_line
from stack.raw import RawTable
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class UnreadableFileError(StackError):
    """The content of a file can't be loaded; the message is the reason."""


@dataclass(frozen=True)
class Destination:
    """Where an export goes: its table, which has `columns` now (name to type, upper case).

    `path` is written unless the export is Parquet that the table takes as it is.
    """

    table: RawTable
    columns: Mapping[str, str]
    path: Path


@dataclass(frozen=True)
class Parsed:
    """A file as a Parquet file of `rows` rows.

    `records` are those of the original, by a count of its own; None where none can be had.
    `new_columns` are those that the raw table lacks, with their types; `duplicates` counts rows
    left out because the file has a later version of them.
    """

    path: Path
    rows: int
    new_columns: dict[str, str]
    records: int | None = None
    duplicates: int = 0


def parse(
    connection: DuckDBPyConnection, file: Path, format_: Format, destination: Destination
) -> Parsed:
    """Parse the local `file` for its destination.

    Raises UnreadableFileError for whatever is wrong with the content, and OSError or
    duckdb's OutOfMemoryException for what isn't the file's fault.
    """
    import duckdb

    try:
        parsed = _parse(connection, file, format_, destination)
        return replace(parsed, records=count_records(connection, file, format_))
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.IOException as error:
        if "magic bytes" in str(error) or "footer" in str(error) or "gzip" in str(error).lower():
            raise UnreadableFileError(_first_line(error, file)) from error
        raise OSError(_first_line(error, file)) from error
    except duckdb.Error as error:
        raise UnreadableFileError(_first_line(error, file)) from error
    finally:
        connection.execute("drop table if exists staged")


def _parse(
    connection: DuckDBPyConnection, file: Path, format_: Format, destination: Destination
) -> Parsed:
    table, columns, target = destination.table, destination.columns, destination.path
    if file.stat().st_size == 0:
        raise UnreadableFileError("the file is empty (0 bytes)")
    found = _columns_found(connection, file, format_)
    names = _normalized(found)
    missing = [name for name in columns if name not in names.values()]
    required = set(table.primary_key) if format_ in ("json", "jsonl") else _declared(table)
    if absent := sorted(required.intersection(missing)):
        raise UnreadableFileError(
            f"it lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}; "
            f"found are {', '.join(found)}"
        )
    new = {
        names[original]: column_type(type_)
        for original, type_ in found.items()
        if names[original] not in columns
    }
    wanted = {**columns, **new}
    untouched = format_ == "parquet" and list(found.items()) == list(wanted.items())
    path = file
    if not untouched:
        _stage(connection, file, format_, found)
        _write(connection, found, names, wanted, target)
        path = target
    if not table.primary_key or keys_unique(connection, [path], table.primary_key):
        return Parsed(path, _count(connection, path), new)
    rows = _refuse_empty_keys(connection, path, table.primary_key)
    newest = target.with_suffix(".newest.parquet")
    kept = sum(write_newest_rows(connection, [path], table.primary_key, newest).values())
    return Parsed(newest, kept, new, duplicates=rows - kept)


def _declared(table: RawTable) -> set[str]:
    return {column.name for column in table.columns}


def _columns_found(connection: DuckDBPyConnection, file: Path, format_: Format) -> dict[str, str]:
    """Columns and types as the whole file suggests them."""
    read = {
        "csv": "read_csv(?, header = true, sample_size = -1)",
        "json": "read_json(?, format = 'auto', sample_size = -1, records = true)",
        "jsonl": "read_json(?, format = 'newline_delimited', sample_size = -1, records = true)",
        "parquet": "read_parquet(?)",
    }[format_]
    rows = connection.execute(f"describe from {read}", [str(file)]).fetchall()
    return {name: type_ for name, type_, *_ in rows}


def _normalized(found: Mapping[str, str]) -> dict[str, str]:
    """dlt's name of each column, such as `client_id` for `Client ID`."""
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    naming = NamingConvention()
    names: dict[str, str] = {}
    for original in found:
        name = naming.normalize_identifier(original)
        if name in names.values():
            raise UnreadableFileError(f"more than one of its columns would be called {name}")
        names[original] = name
    return names


def _stage(
    connection: DuckDBPyConnection, file: Path, format_: Format, found: Mapping[str, str]
) -> None:
    """Make the temporary table `staged` of the file's columns; text formats as text."""
    if format_ == "parquet":
        connection.execute("create temp table staged as from read_parquet(?)", [str(file)])
        return
    if format_ == "csv":
        read = "read_csv(?, header = true, all_varchar = true)"
    else:
        kind = "auto" if format_ == "json" else "newline_delimited"
        fields = ", ".join(f"{identifier(name)}: 'VARCHAR'" for name in found)
        read = f"read_json(?, format = '{kind}', records = true, columns = {{{fields}}})"
    connection.execute(f"create temp table staged as from {read}", [str(file)])


def _write(
    connection: DuckDBPyConnection,
    found: Mapping[str, str],
    names: Mapping[str, str],
    wanted: Mapping[str, str],
    target: Path,
) -> None:
    """Write `staged` with the wanted columns and types. Refuses a value that would change."""
    staged = {name: type_ for name, type_, *_ in connection.execute("describe staged").fetchall()}
    originals = {name: original for original, name in names.items()}
    selected, suspects = [], []
    for name, type_ in wanted.items():
        original = originals.get(name)
        if original is None:
            selected.append(f"cast(null as {type_}) as {identifier(name)}")
        elif staged[original] == type_:
            selected.append(f"{identifier(original)} as {identifier(name)}")
        else:
            nested = type_ == "JSON" and staged[original] != "VARCHAR"
            kind = "json" if nested else "varchar"
            text = f"cast(cast({identifier(original)} as {kind}) as varchar)"
            selected.append(f"{converted(text, type_)} as {identifier(name)}")
            if (condition := refused(text, type_)) is not None:
                suspects.append((original, name, type_, condition))
    if suspects:
        any_refused = ", ".join(f"count(*) filter (where {s[3]})" for s in suspects)
        counts = connection.execute(f"select {any_refused} from staged").fetchone() or ()
        for count, (original, name, type_, condition) in zip(counts, suspects, strict=True):
            if count:
                row = connection.execute(
                    f"select rowid + 1, {identifier(original)} from staged "
                    f"where {condition} limit 1"
                ).fetchone()
                number, value = row or (0, None)
                raise UnreadableFileError(
                    f"column {name}: {count:,} of its values are no {type_.lower()}, "
                    f"the first {str(value)[:80]!r} in row {number:,} "
                    f"(the file has it as {found[original].lower()})"
                )
    _copy(connection, f"select {', '.join(selected)} from staged", target)


def _refuse_empty_keys(
    connection: DuckDBPyConnection, path: Path, primary_key: tuple[str, ...]
) -> int:
    """Rows of the file. Refuses an empty key: such a row could never be merged."""
    missing = " or ".join(f"{identifier(name)} is null" for name in primary_key)
    rows, empty, first = connection.execute(
        f"select count(*), count(*) filter (where {missing}), "
        f"min(file_row_number) filter (where {missing}) "
        "from read_parquet(?, file_row_number = true)",
        [str(path)],
    ).fetchone() or (0, 0, None)
    if empty:
        raise UnreadableFileError(
            f"the key {', '.join(primary_key)} is empty in {empty:,} of {rows:,} rows, "
            f"the first of them row {first + 1:,}"
        )
    return int(rows)


def _count(connection: DuckDBPyConnection, path: Path) -> int:
    row = connection.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone()
    return int(row[0]) if row else 0


def _copy(connection: DuckDBPyConnection, query: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({query}) to {literal(target)} (format parquet)")


def _first_line(error: Exception, file: Path) -> str:
    """What DuckDB says in one line, without the local path, which may be a temporary one."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return one_line(lines[0] if lines else type(error).__name__, 300).replace(str(file), file.name)
