"""The Dagster pool of everything that opens the warehouse.

A DuckDB file has one writer and no readers beside it, so the pool's limit is 1 (dagster.yaml);
a DuckLake takes many writers, and the limit may grow.
"""

WAREHOUSE_POOL = "warehouse"
