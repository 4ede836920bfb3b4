"""The raw tables of arrived files: their columns, and the files that they already have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ingestion.files.conform import Remembered
from ingestion.incoming.declared import Declared
from ingestion.incoming.inbox import ASSET, SOURCE
from ingestion.layouts import layouts
from ingestion.loading import read_state
from stack.raw import Column, RawTable, raw_tables
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import columns_by_table, columns_of, connect, ensure_raw_tables

if TYPE_CHECKING:
    from ingestion.incoming.reading import Fetched, Read

FILE, FILE_ID = "_file", "_file_id"


@dataclass(frozen=True)
class Newest:
    """The full export that a table has: when it was written (UTC), and its content's hash."""

    written_at: datetime
    file_id: str


@dataclass
class Tables:
    """Columns of some files' raw tables, by name, and the contents that they already have.

    `remembered` says for all tables what each column was read from; together with `newest`, the
    full export that a table has, it is the load's state.
    """

    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    contents: set[tuple[str, str]] = field(default_factory=set)
    remembered: dict[str, dict[str, Remembered]] = field(default_factory=dict)
    newest: dict[str, Newest] = field(default_factory=dict)

    @classmethod
    def look(cls, warehouse: WarehouseSettings, files: Iterable[Fetched]) -> Tables:
        """Read the tables of these files from the warehouse."""
        ids: dict[str, list[str]] = {}
        for file in files:
            ids.setdefault(file.table, []).append(file.file_id)
        found = cls()
        if not ids:
            return found
        schema = warehouse.dlt_dataset_name
        with connect(warehouse) as connection:
            ensure_raw_tables(connection, warehouse, raw_tables(SOURCE))
            for table, wanted in ids.items():
                found.columns[table] = columns_of(connection, warehouse, schema, table)
                if FILE_ID in found.columns[table]:
                    rows = connection.execute(
                        f"select distinct {FILE_ID} from {identifier(schema)}."
                        f"{identifier(table)} where list_contains(?, {FILE_ID})",
                        [wanted],
                    ).fetchall()
                    found.contents.update((table, file_id) for (file_id,) in rows)
        return found

    def remember(self) -> None:
        """Read what columns were read from, out of the last load's state."""
        saved = read_state(SOURCE)
        for table, columns in saved.get("columns", {}).items():
            found = {name: Remembered(*told) for name, told in columns.items()}
            self.remembered[table] = found
        for table, (at, file_id) in saved.get("full_exports", {}).items():
            self.newest[table] = Newest(datetime.fromisoformat(at), file_id)

    def state(self, reads: Iterable[Read] = ()) -> dict[str, Any]:
        """The state after these files are loaded."""
        found = {table: dict(columns) for table, columns in self.remembered.items()}
        for read in reads:
            found.setdefault(read.fetched.table, {}).update(read.parsed.remembered)
        newest = dict(self.newest)
        for read in reads:
            newest |= read.newest
        return {
            "columns": {
                table: {name: [told.header, told.form] for name, told in columns.items()}
                for table, columns in found.items()
            },
            "full_exports": {
                table: [export.written_at.isoformat(), export.file_id]
                for table, export in newest.items()
            },
        }

    def take(self, read: Read) -> None:
        """Record what a table will have after this file, for the next file of the batch."""
        name = read.fetched.table
        self.columns.setdefault(name, {}).update(read.new_columns | read.parsed.widened)
        self.remembered.setdefault(name, {}).update(read.parsed.remembered)

    def has(self, file: Fetched) -> bool:
        """Whether the file's table has rows of this content, or matches this full export."""
        if file.full_export:
            newest = self.newest.get(file.table)
            return newest is not None and newest.file_id == file.file_id
        return file.content in self.contents

    def loaded(self, read: Read) -> None:
        """Record that a file's rows are in its table."""
        self.contents.add(read.fetched.content)
        self.newest |= read.newest


def found_tables(warehouse: WarehouseSettings, declared: Declared) -> list[RawTable]:
    """The warehouse's tables of files, declared or not, as entries of the registry."""
    with connect(warehouse) as connection:
        found = columns_by_table(connection, warehouse.database)
    return [
        raw_table_of(table, columns, key_of(table, declared))
        for (schema, table), columns in found.items()
        if schema == warehouse.dlt_dataset_name and table.startswith(f"{SOURCE}_")
    ]


def key_of(table: str, declared: Declared) -> tuple[str, ...]:
    """The key of a table of files, as declared or from its layout."""
    return declared.key(table) or next(
        (found.primary_key for found in layouts() if f"{SOURCE}_{found.name}" == table), ()
    )


def raw_table_of(
    table_name: str, columns: Mapping[str, str], key: tuple[str, ...] = ()
) -> RawTable:
    """The declaration of a table, or one with these columns and this key."""
    for table in raw_tables(SOURCE):
        if table.table_name == table_name:
            return table
    name = table_name.removeprefix(f"{SOURCE}_")
    return RawTable(
        source=SOURCE,
        name=name,
        description=f"Rows of the files named {name} that arrived.",
        columns=tuple(Column(name=c, type=type_.lower()) for c, type_ in columns.items()),
        primary_key=key,
        loader=ASSET,
        platform="file",
    )


def columns_and_files(
    warehouse: WarehouseSettings, table: str
) -> tuple[dict[str, str], set[str | None]]:
    """A table's columns with their types, and the ids of the files that its rows come from.

    None among the ids means that it has rows from no file.
    """
    schema = warehouse.dlt_dataset_name
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, raw_tables(SOURCE))
        columns = columns_of(connection, warehouse, schema, table)
        if FILE_ID not in columns:
            return columns, set()
        rows = connection.execute(
            f"select distinct {FILE_ID} from {identifier(schema)}.{identifier(table)}"
        ).fetchall()
    return columns, {row[0] for row in rows}
