"""How much room the warehouse takes."""

from __future__ import annotations

from pathlib import Path


def duckdb_bytes(file: Path) -> int:
    """Bytes of a DuckDB file and its write-ahead log; 0 if it doesn't exist."""
    parts = (file, file.with_name(f"{file.name}.wal"))
    return sum(part.stat().st_size for part in parts if part.exists())
