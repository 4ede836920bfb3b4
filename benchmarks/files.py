"""What reading a CSV by proof costs against DuckDB's own reader, and how much memory it takes.

    python -m benchmarks.files [--rows 1000000] [--repeats 3] [--gigabytes 2]

For a file of 9 columns, plain and with all texts quoted: CPU seconds of DuckDB's `create table as
from read_csv`, and of the stack's reader including the table made from its output. For a large
file: the peak resident memory of a process that reads it with only the reader's imports.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Finding, median, publish

MOST_RESIDENT_MB = 700
_ONE_FILE = """
import resource, sys
from pathlib import Path
from benchmarks.files import read
read(Path(sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> int:
    """Measure, publish, and return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=2)
    arguments = parser.parse_args()
    findings = []
    with tempfile.TemporaryDirectory(prefix="stack-bench-") as temporary:
        folder = Path(temporary)
        for name, quoted in (("plain", False), ("quoted", True)):
            file = folder / f"{name}.csv"
            write_csv(file, arguments.rows, quoted=quoted)
            ours, duckdbs = [], []
            for _ in range(arguments.repeats):
                duckdbs.append(cpu_seconds(read_csv, file))
                ours.append(cpu_seconds(read_into_table, file))
            findings.append(
                Finding(
                    f"{name} CSV by proof", "read_csv", median(ours), median(duckdbs), 2.5, "CPU s"
                )
            )
        large = folder / "large.csv"
        bytes_a_row = file.stat().st_size / arguments.rows
        write_csv(large, int(arguments.gigabytes * 1e9 / bytes_a_row), quoted=True)
        resident = peak_mb(large)
    findings.append(
        Finding(
            f"{arguments.gigabytes:g} GB of CSV, resident", "limit", resident, MOST_RESIDENT_MB,
            1.0, "MB",
        )
    )  # fmt: skip
    conditions = {"rows": f"{arguments.rows:,}", "repeats": arguments.repeats}
    return 0 if publish("files", findings, conditions) else 1


def write_csv(path: Path, rows: int, *, quoted: bool) -> None:
    """Write payments like a bank's export."""
    import duckdb

    quotes = ", force_quote (payer, iban, purpose)" if quoted else ""
    duckdb.execute(
        f"""
        copy (
            select
                i as number,
                strftime(date '2015-01-01' + (i % 4000)::integer, '%d.%m.%Y') as booked,
                strftime(date '2015-01-02' + (i % 4000)::integer, '%d.%m.%Y') as valuta,
                'Client ' || (i % 997) as payer, 'DE' || (10 + i % 89) || (i % 99991) as iban,
                'Invoice ' || i as purpose, (i % 100000) / 100 as amount, 'EUR' as currency,
                i % 3 as kind
            from range({rows}) as t (i)
        ) to '{path}' (format csv, header{quotes})
        """
    )


def read_csv(file: Path) -> None:
    """Read it in DuckDB's own way."""
    import duckdb

    duckdb.connect().execute(f"create table t as from read_csv('{file}')")


def read(file: Path) -> Path:
    """Read it with the stack, into the Parquet file that a table takes."""
    import duckdb

    from ingestion.files.conform import Destination
    from ingestion.files.reading import parse
    from stack.raw import RawTable
    from stack.settings import WarehouseSettings, load_settings
    from stack.warehouse.connection import duckdb_config

    connection = duckdb.connect(config=duckdb_config(load_settings(WarehouseSettings)))
    connection.execute("set enable_progress_bar = false")
    target = file.with_suffix(".parquet")
    table = RawTable(source="files", name="payments")
    return parse(connection, file, Destination(table, {}, target)).path


def read_into_table(file: Path) -> None:
    """Read it with the stack, and make a table from the result."""
    import duckdb

    duckdb.connect().execute(f"create table t as from read_parquet('{read(file)}')")


def cpu_seconds(step: Callable[[Path], None], file: Path) -> float:
    """The CPU seconds that a step takes in all threads."""
    started = time.process_time()
    step(file)
    return time.process_time() - started


def peak_mb(file: Path) -> float:
    """The peak resident memory of a process that reads the file."""
    done = subprocess.run(
        [sys.executable, "-c", _ONE_FILE, str(file)],
        check=True, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return int(done.stdout) / unit


if __name__ == "__main__":
    sys.exit(main())
