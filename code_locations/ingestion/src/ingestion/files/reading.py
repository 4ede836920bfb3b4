"""One file into one Parquet file that its raw table takes, or the reason why not.

    bytes → identify → dialect → records as text → proven types → the table's columns

Each step is a module that says what it found and why, and doesn't know the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.bank import read_statement
from ingestion.files.conform import ColumnEvidence, Destination, Remembered, conform
from ingestion.files.currencies import differ
from ingestion.files.delimited import read_delimited, wider_by_nothing
from ingestion.files.dialect import Known, find_dialect
from ingestion.files.errors import UnreadableFileError
from ingestion.files.footer import without_footer
from ingestion.files.identify import Opened, open_file
from ingestion.files.json_records import read_json
from ingestion.files.parquet import conform_parquet
from ingestion.files.records import Records, RowAside, RowGroups, write_rows
from ingestion.files.rules import ReadingRules
from ingestion.files.second_table import refuse_table_beside
from ingestion.files.sheets import read_sheet
from ingestion.files.tidy import cut_off, tidied
from ingestion.files.workbook import sheets
from ingestion.loading.files import keys_unique, write_newest_rows
from stack.errors import one_line
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Parsed:
    """A file as a Parquet file of `rows` rows.

    `records` counts the original's, independently. `new_columns` are those that the raw table
    lacks, `widened` those that get another type; `duplicates` counts rows left out because a later
    version is in the file; `aside` are rows that can't be loaded. `evidence` is what was found
    about the file, `columns` about each column; `breaks` say what doesn't add up.
    """

    path: Path
    rows: int
    new_columns: dict[str, str]
    records: int | None = None
    duplicates: int = 0
    widened: dict[str, str] = field(default_factory=dict)
    aside: tuple[RowAside, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    columns: tuple[ColumnEvidence, ...] = ()
    remembered: dict[str, Remembered] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Staged:
    """An unpacked file with its records as text; they are None for Parquet, which is at `path`."""

    path: Path
    records: Records | None


def stage(file: Path, rules: ReadingRules, known: Known | None = None) -> Staged:
    """Read a file's records, before its table's columns are known.

    `known` says whether a header belongs to a known layout. Raises UnreadableFileError.
    """
    records, parts = read_records(file, rules, known)
    return Staged(parts[0].path, records)


def parse(connection: DuckDBPyConnection, file: Path, destination: Destination) -> Parsed:
    """Parse the local `file` for its destination: `stage`, then `finish`."""
    return finish(connection, stage(file, destination.rules), destination)


def finish(connection: DuckDBPyConnection, staged: Staged, destination: Destination) -> Parsed:
    """Turn staged records into Parquet for their destination.

    Raises UnreadableFileError for anything wrong with the content, and OSError or duckdb's
    OutOfMemoryException for what isn't the file's fault.
    """
    import duckdb

    file = staged.path
    try:
        return _finish(connection, staged, destination)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.IOException as error:
        if "magic bytes" in str(error) or "footer" in str(error):
            raise UnreadableFileError(_first_line(error, file)) from error
        raise OSError(_first_line(error, file)) from error
    except duckdb.Error as error:
        raise UnreadableFileError(_first_line(error, file)) from error


def facts_of(parsed: Parsed) -> dict[str, Any]:
    """How a file was read, and why each column has its type."""
    columns = {c.name: f"{c.type.lower()}: {c.reason}" for c in parsed.columns}
    return {"read_as": parsed.evidence, "columns": columns}


def read_records(
    file: Path, rules: ReadingRules, known: Known | None = None
) -> tuple[Records | None, list[Opened]]:
    """The records of a file as text, with several parts joined; None for Parquet."""
    parts = open_file(file, file.parent, rules.encoding)
    found: list[Records] = []
    for part in parts:
        if part.kind == "parquet" and len(parts) == 1:
            return None, parts
        target = part.path.with_name(f"{part.path.name}.{len(found)}.records")
        found += _records_of(part, target, rules, known)
    return _joined(found, file.with_name(f"{file.name}.joined")), parts


def _records_of(
    part: Opened, target: Path, rules: ReadingRules, known: Known | None
) -> list[Records]:
    if part.kind == "csv":
        records = _records_of_text(part, target, rules, known)
    elif part.kind == "json":
        records = read_json(part.path, target)
    elif part.kind == "workbook":
        return _records_of_workbook(part, target, rules, known)
    elif part.kind == "parquet":
        raise UnreadableFileError("the archive has Parquet files; unpack it")
    else:
        statement = read_statement(part.path, part.kind)
        if statement.records != len(statement.rows):
            raise UnreadableFileError(
                f"{len(statement.rows):,} entries were read, and {statement.records:,} are in it"
            )
        records = write_rows(iter(statement.rows), target, unit="entry")
        records = replace(
            records,
            evidence=statement.evidence,
            breaks=tuple(statement.breaks),
            total=statement.records,
        )
    refuse_table_beside(records)
    evidence: dict[str, Any] = {"kind": part.kind}
    if part.encoding:
        evidence["encoding"] = f"{part.encoding.name}: {part.encoding.reason}"
    if part.packed:
        evidence["packed"] = f"{part.packed} {part.member}".strip()
    return [replace(records, evidence={**evidence, **records.evidence})]


def _records_of_text(
    part: Opened, target: Path, rules: ReadingRules, known: Known | None
) -> Records:
    """The records of delimited text, or of a tidier copy of it."""
    dialect, trouble = None, None
    try:
        dialect = find_dialect(part.path, rules, known)
    except UnreadableFileError as error:
        trouble = error
    path, left_out = part.path, ""
    if rules.quote is None:
        copy = target.with_name(f"{target.name}.tidied")
        left_out = tidied(path, copy, dialect.delimiter if dialect else None)
    if left_out:
        path, dialect = copy, find_dialect(copy, rules, known)
    if dialect is None:
        raise trouble or UnreadableFileError("it has no rows")
    records = read_delimited(path, dialect, target, rules.footer_lines)
    if wider := wider_by_nothing(records.aside, dialect.width):
        copy = target.with_name(f"{target.name}.even")
        cut_off(path, copy, wider, dialect)
        records = read_delimited(copy, dialect, target, rules.footer_lines)
    if left_out:
        records = replace(records, evidence={**records.evidence, "left out": left_out})
    return records


def _records_of_workbook(
    part: Opened, target: Path, rules: ReadingRules, known: Known | None
) -> list[Records]:
    """The records of each visible sheet with rows, or of the declared sheet."""
    found = [sheet for sheet in sheets(part.path) if sheet.rows]
    chosen = [s for s in found if s.visible] or found
    if rules.sheet:
        chosen = [sheet for sheet in found if sheet.name == rules.sheet]
    if not chosen:
        names = ", ".join(sheet.name for sheet in found) or "none"
        raise UnreadableFileError(f"it has no sheet {rules.sheet or 'with rows'}; found {names}")
    hidden = [sheet.name for sheet in found if sheet not in chosen]
    all_records = []
    for n, sheet in enumerate(chosen):
        records = read_sheet(sheet, target.with_name(f"{target.name}.{n}"), rules, known)
        refuse_table_beside(records)
        evidence = {"kind": "workbook", **records.evidence, "not read": hidden}
        all_records.append(replace(records, evidence=evidence))
    return all_records


def _joined(parts: Sequence[Records], target: Path) -> Records:
    """Several parts of a file joined; they must have the same columns."""
    if len(parts) == 1:
        return parts[0]
    import pyarrow.parquet as pq

    first = parts[0]
    for part in parts:
        if part.names != first.names:
            sheet = part.evidence.get("sheet")
            what = "sheets" if sheet else "parts"
            other = ", or declare the sheet" if sheet else ""
            names = [", ".join(one.names)[:100] for one in (first, part)]
            raise UnreadableFileError(
                f"its {len(parts)} {what} have different columns, as {' and '.join(names)}; drop "
                f"each as a file of its own{other}"
            )
    kinds_of_file = {str(part.evidence.get("kind")) for part in parts}
    if len(kinds_of_file) > 1:
        raise UnreadableFileError(
            f"its parts are of several kinds ({', '.join(sorted(kinds_of_file))}); drop each as a "
            "file of its own"
        )
    with RowGroups(target, len(first.names)) as groups:
        for part in parts:
            for batch in pq.ParquetFile(part.path).iter_batches():
                groups.write(batch)
    kinds = tuple(
        frozenset().union(*columns) for columns in zip(*(part.kinds for part in parts), strict=True)
    )

    by_column = list(zip(*(part.units for part in parts), strict=True))
    for name, found in zip(first.names, by_column, strict=False):
        if differ(units := {unit for unit in found if unit is not None}):
            shown = " and ".join(unit or "no unit" for unit in sorted(units))
            raise UnreadableFileError(
                f"its sheets have {name} in {shown}; drop each as a file of its own, or declare "
                "the sheet"
            )

    def line(row: int) -> int:
        for part in parts:
            if row < part.rows:
                return part.line(row)
            row -= part.rows
        return 0

    return replace(
        first,
        path=target,
        rows=sum(part.rows for part in parts),
        total=sum(part.total for part in parts),
        aside=tuple(row for part in parts for row in part.aside),
        breaks=tuple(told for part in parts for told in part.breaks),
        kinds=kinds,
        units=tuple(max((u for u in found if u is not None), default=None) for found in by_column),
        evidence={**first.evidence, "parts": len(parts)},
        line=line,
    )


def _finish(connection: DuckDBPyConnection, staged: Staged, destination: Destination) -> Parsed:
    records = staged.records
    if records is None:
        conformed, total = conform_parquet(connection, staged.path, destination)
        evidence: dict[str, Any] = {"kind": "parquet"}
        aside: tuple[RowAside, ...] = ()
    else:
        conformed, total = conform(connection, records, destination), records.total
        evidence, aside = records.evidence, records.aside
    parsed = Parsed(
        path=conformed.path,
        rows=conformed.rows,
        new_columns=conformed.new_columns,
        records=total,
        widened=conformed.widened,
        aside=without_footer((*aside, *conformed.aside), destination.rules),
        evidence=evidence,
        columns=conformed.evidence,
        remembered=conformed.remembered,
        headers=records.names if records else (),
        breaks=(*(records.breaks if records else ()), *conformed.breaks),
    )
    return _one_row_a_key(connection, parsed, destination)


def _one_row_a_key(
    connection: DuckDBPyConnection, parsed: Parsed, destination: Destination
) -> Parsed:
    key = destination.table.primary_key
    if not key or keys_unique(connection, [parsed.path], key):
        return parsed
    rows = _refuse_empty_keys(connection, parsed.path, key)
    newest = destination.path.with_suffix(".newest.parquet")
    kept = sum(write_newest_rows(connection, [parsed.path], key, newest).values())
    return replace(parsed, path=newest, rows=kept, duplicates=rows - kept)


def _refuse_empty_keys(
    connection: DuckDBPyConnection, path: Path, primary_key: tuple[str, ...]
) -> int:
    """The file's rows. Refuses an empty key, because such a row could never be merged."""
    missing = " or ".join(f"{identifier(name)} is null" for name in primary_key)
    rows, empty, first = connection.execute(
        f"select count(*), count(*) filter (where {missing}), "
        f"min(file_row_number) filter (where {missing}) "
        f"from read_parquet({literal(path)}, file_row_number = true)"
    ).fetchone() or (0, 0, None)
    if empty:
        raise UnreadableFileError(
            f"the key {', '.join(primary_key)} is empty in {empty:,} of {rows:,} rows, "
            f"the first of them row {first + 1:,}"
        )
    return int(rows)


def _first_line(error: Exception, file: Path) -> str:
    """DuckDB's message in one line, without the local path, which may be a temporary one."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return one_line(lines[0] if lines else type(error).__name__, 300).replace(str(file), file.name)
