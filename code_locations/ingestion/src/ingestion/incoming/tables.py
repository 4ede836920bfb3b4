"""The raw tables of arrived files: their columns, and the files that they have already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingestion.incoming.arrivals import SOURCE
from ingestion.incoming.reading import FILE_ID, Fetched
from stack.raw import Column, RawTable, raw_tables
from stack.settings import WarehouseSettings
from stack.warehouse import columns_of, connect, ensure_raw_tables


class Tables:
    """The tables of some files as the warehouse has them, and what a load adds to them."""

    def __init__(
        self,
        warehouse: WarehouseSettings,
        files: Iterable[Fetched],
        columns: dict[str, dict[str, str]],
        contents: set[tuple[str, str]],
    ) -> None:
        self._warehouse, self._files = warehouse, tuple(files)
        self._columns, self._contents = columns, contents

    @classmethod
    def look(cls, warehouse: WarehouseSettings, files: Iterable[Fetched]) -> Tables:
        """Open the warehouse, and close it again."""
        files = tuple(files)
        ids: dict[str, list[str]] = {}
        for file in files:
            ids.setdefault(file.table, []).append(file.file_id)
        columns: dict[str, dict[str, str]] = {}
        contents: set[tuple[str, str]] = set()
        if not ids:
            return cls(warehouse, files, columns, contents)
        schema = warehouse.dlt_dataset_name
        with connect(warehouse) as connection:
            ensure_raw_tables(connection, warehouse, declared_tables())
            for table, wanted in ids.items():
                name = f"{SOURCE}_{table}"
                present = columns_of(connection, warehouse, schema, name)
                columns[table] = {column.name: column.type for column in present}
                if FILE_ID in columns[table]:
                    rows = connection.execute(
                        f'select distinct "{FILE_ID}" from "{schema}"."{name}" '
                        f'where list_contains(?, "{FILE_ID}")',
                        [wanted],
                    ).fetchall()
                    contents.update((table, file_id) for (file_id,) in rows)
        return cls(warehouse, files, columns, contents)

    def look_again(self) -> Tables:
        """The same tables as they are now."""
        return Tables.look(self._warehouse, self._files)

    def has(self, file: Fetched) -> bool:
        """Whether the file's table has rows of this content."""
        return file.content in self._contents

    def add(self, file: Fetched) -> None:
        """After the file was loaded."""
        self._contents.add(file.content)

    def columns_of(self, table: str) -> Mapping[str, str]:
        """Columns with DuckDB's types; none if there is no such table yet."""
        return self._columns.get(table, {})

    def extend(self, table: str, new: Mapping[str, str]) -> list[str]:
        """Let the table have these columns too; return those that it lacked, if it was there."""
        columns = self._columns.setdefault(table, {})
        added = [name for name in new if name not in columns] if columns else []
        columns.update(new)
        return added

    def raw_table(self, table: str) -> RawTable:
        """The declaration of the table, or one with its columns as they are."""
        return raw_table_of(table, self.columns_of(table))


def declared_tables() -> tuple[RawTable, ...]:
    """Tables of files that models are built on, and so are declared."""
    return raw_tables(SOURCE)


def raw_table_of(name: str, columns: Mapping[str, str]) -> RawTable:
    """The declaration of `files_<name>`, else one without a key that has these columns."""
    for table in declared_tables():
        if table.name == name:
            return table
    return RawTable(
        source=SOURCE,
        name=name,
        description=f"Rows of the files named {name} that arrived.",
        columns=tuple(Column(name=column, type=type_.lower()) for column, type_ in columns.items()),
        primary_key=(),
        event_date=None,
        owner="team:analytics",
        loader="file_processing",
    )
