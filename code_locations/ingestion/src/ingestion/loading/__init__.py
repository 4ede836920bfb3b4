"""Loads Parquet files into raw tables with dlt; every loader ends here.

    done = load("books", [TableFile(raw_table("books", "clients"), path, rows)], state)
    state = read_state("books")

`pipeline` is the whole load and `table` one table's part of it; `files` are its Parquet files,
`states` reads what loads committed, `destination` is dlt's way into the warehouse, `days` rebuilds
days, `removed` marks rows that a full export no longer has, and `tables` lists all tables of a
loader in its report.

It knows nothing of Dagster. State is committed with the rows that it covers and read back from the
warehouse: a later load needs nothing from the working directory.
"""

from ingestion.loading.files import TableFile
from ingestion.loading.pipeline import Loaded, LoadError, load, read_state
from ingestion.loading.table import EmptyKeyError

__all__ = [
    "EmptyKeyError",
    "LoadError",
    "Loaded",
    "TableFile",
    "load",
    "read_state",
]
