"""How long the books' loads take against raw DuckDB on the same data.

    python -m benchmarks.data_path [--rows 5000000] [--repeats 5] [--destination ducklake]

Each repeat works in its own folder and performs in sequence: `create table as` from a Parquet file
in a new DuckDB file; the first run of the whole books pipeline on that file (an append, as the
table is empty); a run with nothing new; and a run with 1 % more rows, half of them new and half
changed (a merge). All of them include opening and closing the warehouse.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Finding, median, publish
from ingestion.books import BooksLoader
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect

SMALL = 50_000


def main() -> int:
    """Measure, publish, and return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--destination", choices=["duckdb", "ducklake"], default="duckdb")
    arguments = parser.parse_args()
    os.environ["DLT_DESTINATION"] = arguments.destination
    for name in ("BOOKS_URL", "WAREHOUSE_PATH", "DUCKLAKE_CATALOG_URL", "DUCKLAKE_DATA_URL"):
        os.environ.pop(name, None)
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="stack-bench-") as temporary:
        folder = Path(temporary)
        write_entries(folder / "full.parquet", 0, arguments.rows)
        write_entries(folder / "small.parquet", 0, SMALL)
        share = arguments.rows // 100
        write_entries(folder / "more.parquet", arguments.rows - share // 2, share)
        repeat(folder, "warm-up", "small.parquet", "small.parquet")
        for number in range(arguments.repeats):
            for name, value in repeat(folder, f"full-{number}", "full.parquet", "more.parquet"):
                seconds.setdefault(name, []).append(value)
            for name, value in repeat(folder, f"small-{number}", "small.parquet", "small.parquet"):
                seconds.setdefault(f"small {name}", []).append(value)
    found = {name: median(values) for name, values in seconds.items()}
    first, nothing = "first run", "nothing new"
    findings = [
        Finding(first, "create table as", found["first run"], found["ctas"], 1.5),
        Finding("merge of 1 %", first, found["merge"], found["first run"], 0.2),
        Finding(nothing, first, found["nothing new"], found["first run"], None),
        # Constant: 100 times the rows shouldn't show; 1.5 allows for noise in 0.1 s.
        Finding(
            f"{nothing}, {arguments.rows:,} rows", f"{nothing}, {SMALL:,} rows",
            found["nothing new"], found["small nothing new"], 1.5,
        ),
    ]  # fmt: skip
    conditions = {
        "rows": f"{arguments.rows:,}",
        "destination": arguments.destination,
        "repeats": arguments.repeats,
    }
    return 0 if publish(f"data_path_{arguments.destination}", findings, conditions) else 1


def write_entries(path: Path, first: int, rows: int) -> None:
    """Write time entries `first` to `first + rows - 1`, like an export of a time tracker."""
    import duckdb

    duckdb.execute(
        f"""
        copy (
            select
                i as time_entry_id, i % 50 as project_id,
                date '2015-01-01' + (i // 2000)::integer as worked_on,
                15 * (1 + i % 11) as minutes, i % 3 > 0 as billable,
                'note ' || (i % 1000) as note,
                timestamp '2024-01-01' + to_seconds({first} + i) as updated_at
            from range({first}, {first + rows}) as t (i)
        ) to '{path}' (format parquet)
        """
    )


def repeat(folder: Path, name: str, full: str, more: str) -> list[tuple[str, float]]:
    """Measure each step once, in a new STACK_HOME."""
    home = folder / name
    exports = home / "exports" / "books" / "time_entries"
    exports.mkdir(parents=True)
    os.environ["STACK_HOME"] = str(folder / f"{name}-ctas")
    ctas = timed(lambda: create_table_as(folder / full))
    os.environ["STACK_HOME"] = str(home)
    os.link(folder / full, exports / "full.parquet")
    first = timed(BooksLoader().load)
    nothing = median([timed(BooksLoader().load) for _ in range(5)])
    os.link(folder / more, exports / "more.parquet")
    merge = timed(BooksLoader().load)
    return [("ctas", ctas), ("first run", first), ("nothing new", nothing), ("merge", merge)]


def create_table_as(file: Path) -> None:
    """The lower bound for anything that also checks and remembers."""
    with connect(load_settings(WarehouseSettings)) as connection:
        connection.execute("create schema freelancer_raw")
        connection.execute(f"create table freelancer_raw.entries as from read_parquet('{file}')")


def timed(step: Callable[[], object]) -> float:
    """The seconds that a step takes."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
