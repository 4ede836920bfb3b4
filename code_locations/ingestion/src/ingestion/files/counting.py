"""How many records a file has, counted by other means than it is read by.

DuckDB reads the files; Python's csv and json modules and pyarrow count. A row that one of them
passes over is missed by the account of the load.
"""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ingestion.files.listing import Format

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A document of JSON is counted in memory; of a larger one nobody tells.
LARGEST_JSON_BYTES = 64 << 20
_GZIP = b"\x1f\x8b"


def count_records(connection: DuckDBPyConnection, file: Path, format_: Format) -> int | None:
    """Records of a local file, without a header; None where they can't be counted."""
    if format_ == "parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(file).num_rows)
    if format_ == "csv":
        dialect = connection.execute(
            "select delimiter, quote, escape from sniff_csv(?, header = true, sample_size = -1)",
            [str(file)],
        ).fetchone()
        return count_csv(file, *dialect) if dialect else None
    if format_ == "json":
        return _count_json(file)
    with _open(file) as lines:
        return sum(1 for line in lines if line.strip())


def count_csv(file: Path, delimiter: str, quote: str, escape: str) -> int | None:
    """Rows after the first one that isn't blank; None if they can't be told apart."""
    other = len(escape) == 1 and escape != quote
    limit = csv.field_size_limit(1 << 31)
    try:
        with _open(file) as lines:
            rows = csv.reader(
                lines,
                delimiter=delimiter if len(delimiter) == 1 else ",",
                quotechar=quote if len(quote) == 1 else None,
                escapechar=escape if other else None,
                doublequote=not other,
                quoting=csv.QUOTE_MINIMAL if len(quote) == 1 else csv.QUOTE_NONE,
            )
            return max(0, sum(1 for row in rows if row) - 1)
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)


def _count_json(file: Path) -> int | None:
    with _open(file) as lines:
        text = lines.read(LARGEST_JSON_BYTES + 1)
    if len(text) > LARGEST_JSON_BYTES:
        return None
    decoder, found, at = json.JSONDecoder(), [], 0
    try:
        while text := text[at:].lstrip():  # one document, or one after the other
            content, at = decoder.raw_decode(text)
            found.append(content)
    except (ValueError, RecursionError):
        return None
    return len(found[0]) if len(found) == 1 and isinstance(found[0], list) else len(found)


def _open(file: Path) -> IO[str]:
    with file.open("rb") as start:
        compressed = start.read(2) == _GZIP
    if compressed:
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return file.open(encoding="utf-8-sig", errors="replace", newline="")
