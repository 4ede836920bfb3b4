"""One raw table's part of a load: prepares its files, and the dlt resource that imports them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ingestion.loading.files import (
    TableFile,
    conform,
    keys_unique,
    parquet_columns,
    write_newest_rows,
)
from stack.errors import StackError
from stack.load_report import ColumnAdded, ColumnWidened, TableReport
from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.warehouse import columns_of, count_rows, row_count

if TYPE_CHECKING:
    from dlt.extract import DltResource
    from duckdb import DuckDBPyConnection


class EmptyKeyError(StackError):
    """A file has rows without a primary key; the message names table and key."""


class TableLoad:
    """The files of one table, conformed to its future columns, with one row per key."""

    def __init__(
        self,
        table: RawTable,
        files: Sequence[TableFile],
        connection: DuckDBPyConnection,
        warehouse: WarehouseSettings,
    ) -> None:
        self.table = table
        self.files = tuple(files)
        self._connection = connection
        self._schema = warehouse.dlt_dataset_name
        before = columns_of(connection, warehouse, self._schema, table.table_name)
        self.columns = dict(before)
        for file in files:
            for name, type_ in parquet_columns(connection, file.path).items():
                self.columns.setdefault(name, type_)
                self.columns[name] = file.types.get(name, self.columns[name])
        self.widened = {n: self.columns[n] for n, t in before.items() if self.columns[n] != t}
        self.columns_added = tuple(
            ColumnAdded(name=name, type=self.columns[name])
            for name in tuple(self.columns)[len(before) :]
        )
        self.columns_widened = tuple(
            ColumnWidened(name=name, before=before[name], after=type_)
            for name, type_ in self.widened.items()
        )
        self.rows_before = row_count(connection, self._schema, table.table_name)
        self.rows_by_file = {file.path: file.rows for file in files}
        self.paths: list[Path] = []
        self.write_disposition: Literal["append", "merge", "replace"] = "append"

    def prepare(self, scratch: Path) -> None:
        """Make the files ready for import, copying to `scratch` those that need changes.

        Raises EmptyKeyError if a row of a table with a primary key has none.
        """
        name = self.table.table_name
        self.paths = [
            conform(self._connection, file.path, self.columns, scratch / f"{name}-{n}.parquet")
            for n, file in enumerate(self.files)
        ]
        key = self.table.primary_key
        checked = len(self.files) == 1 and self.files[0].keys_checked
        if key and not checked and not keys_unique(self._connection, self.paths, key):
            self._refuse_empty_keys()
            newest = scratch / f"{name}.parquet"
            kept = write_newest_rows(self._connection, self.paths, key, newest)
            self.rows_by_file = {
                file.path: kept[path] for file, path in zip(self.files, self.paths, strict=True)
            }
            self.paths = [newest]
        if any(file.replace for file in self.files):
            self.write_disposition = "replace"
        elif key and self.rows_before:
            self.write_disposition = "merge"
        else:
            # Keys are distinct: a merge into an empty table is an append, at half the cost.
            self.write_disposition = "append"

    def _refuse_empty_keys(self) -> None:
        key = self.table.primary_key
        missing = " or ".join(f'"{name}" is null' for name in key)
        files = [str(path) for path in self.paths]
        if rows := count_rows(self._connection, f"read_parquet(?) where {missing}", [files]):
            raise EmptyKeyError(
                f"{self.table.table_name}: {rows:,} rows have no {', '.join(key)}, the table's "
                "primary key; leave them out, or declare another key"
            )

    def resource(self) -> DltResource:
        """The dlt resource that imports the files as they are."""
        import dlt
        import pyarrow.parquet as pq
        from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns

        hints = py_arrow_to_table_schema_columns(pq.read_schema(self.paths[0]))
        for name, type_ in self.columns.items():
            if type_ == "JSON":
                hints[name]["data_type"] = "json"

        def imports() -> Iterator[Any]:
            for path in self.paths:
                rows = pq.read_metadata(path).num_rows
                yield dlt.mark.with_file_import(str(path), "parquet", rows)

        merge: Any = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
        resource: DltResource = dlt.resource(
            imports,
            name=self.table.table_name,
            columns=hints,
            primary_key=self.table.primary_key or (),
            write_disposition=merge
            if self.write_disposition == "merge"
            else self.write_disposition,
            file_format="parquet",
            schema_contract={
                "tables": "evolve",
                "columns": "evolve",
                "data_type": "evolve" if self.widened else "freeze",
            },
        )
        return resource

    def report(self, duration_s: float) -> TableReport:
        """What the table got; after the load."""
        return TableReport(
            table=self.table,
            rows_before=self.rows_before,
            rows_total=row_count(self._connection, self._schema, self.table.table_name),
            rows_loaded=sum(self.rows_by_file[f.path] for f in self.files if not f.marked),
            rows_removed=sum(self.rows_by_file[f.path] for f in self.files if f.marked),
            disposition=self.write_disposition,
            columns_added=self.columns_added,
            columns_widened=self.columns_widened,
            seconds=round(duration_s, 3),
        )
