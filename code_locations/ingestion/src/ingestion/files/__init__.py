"""Files of people and tools: found, fetched, counted and read as Parquet for a raw table.

`listing` says which files there are, `names` which table a file is named for, `fetching` brings one
to this machine, `reading` turns it into Parquet of the table's `types`, and `counting` counts its
records once more, by other means. Knows nothing of Dagster.
"""
