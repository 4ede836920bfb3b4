"""Loads Parquet files into raw tables with dlt; every source of the stack ends here.

    done = load("books", [TableFile(raw_table("books", "clients"), path, rows)], state)
    state = read_state("books")

`pipeline` is the load as a whole, `table` one table's part of it, `files` its Parquet files,
`destination` dlt's way into the warehouse, `days` the rebuilding of days, `removed` the marks on
rows that a full export lacks, and `tables` all tables of a loader in its report.

Knows nothing of Dagster. State is committed with the rows that it covers, and comes back from the
warehouse: nothing that a load needs later is kept in the working directory.
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
