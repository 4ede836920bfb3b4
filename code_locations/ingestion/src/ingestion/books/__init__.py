"""The books: exports of accounting and time-tracking tools, at a fsspec URL, into raw tables.

Knows nothing of Dagster but for `assets` and `checks`. A file belongs to the table that it
is named for: `invoices.csv`, `invoices/2025.csv`, `time_entries/2025/07.parquet`.
"""
