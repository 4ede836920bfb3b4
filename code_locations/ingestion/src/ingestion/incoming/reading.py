"""One arrived file into one Parquet file for its raw table, each row with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingestion.files.fetching import FileReader
from ingestion.files.listing import Export
from ingestion.files.reading import UnreadableFileError
from ingestion.incoming.inbox import SOURCE, Target
from ingestion.incoming.tables import FILE, FILE_ID, raw_table_of
from stack.sql import literal

ORIGIN = {FILE: "VARCHAR", FILE_ID: "VARCHAR"}


@dataclass(frozen=True)
class Fetched:
    """A file at hand: `local` is it or a copy, `file_id` the hash of its content."""

    file: Export
    target: Target
    local: Path
    file_id: str

    @property
    def table(self) -> str:
        """Name of its raw table."""
        return f"{SOURCE}_{self.target.table}"

    @property
    def content(self) -> tuple[str, str]:
        """What a table has at most once."""
        return self.table, self.file_id


@dataclass(frozen=True)
class Read:
    """A file as Parquet with its origin in each row."""

    fetched: Fetched
    parquet: Path
    rows: int
    records: int | None
    duplicates: int
    new_columns: dict[str, str]


def read_one(reader: FileReader, item: Fetched, columns: Mapping[str, str]) -> Read:
    """A file for its table, which has `columns` now (none, if there is no such table yet)."""
    present = {name: type_ for name, type_ in columns.items() if name not in ORIGIN}
    table = raw_table_of(item.table, {})
    parsed = reader.read(item.local, item.file, item.target.format, table, present)
    if taken := sorted(ORIGIN.keys() & parsed.new_columns.keys()):
        raise UnreadableFileError(
            f"its column {taken[0]} has the name that the stack gives to a row's origin; rename it"
        )
    with_origin = item.local.with_suffix(".origin.parquet")
    reader.connection().execute(
        f"copy (select *, {literal(item.file.path)} as {FILE}, {literal(item.file_id)} as "
        f"{FILE_ID} from read_parquet({literal(parsed.path)})) "
        f"to {literal(with_origin)} (format parquet)"
    )
    new = {k: v for k, v in (parsed.new_columns | ORIGIN).items() if k not in columns}
    return Read(item, with_origin, parsed.rows, parsed.records, parsed.duplicates, new)
