"""The Dagster pool of everything that opens the warehouse.

A DuckDB file allows one writer and no readers beside it, so the pool's limit is 1 (dagster.yaml);
a DuckLake allows many writers, and the limit may be raised.
"""

WAREHOUSE_POOL = "warehouse"
