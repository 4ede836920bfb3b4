"""What a daily run costs as things change, against `dbt build` of the same project by itself.

    python -m benchmarks.daily [--size 1000] [--large 0]

It counts the CPU seconds of a run's processes, all of which end with the run, on the sample books
of `--size` time entries. `--large` compares a run with nothing new on books of that size.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb

from benchmarks.processes import stack
from benchmarks.report import Finding, median, publish


def main() -> int:
    """Measure, publish, and return 1 if a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--large", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stack-bench-") as folder:
        home = Path(folder) / "home"
        stack(home, "sample-data", "--size", str(options.size))
        first = stack(home, "run")
        nothing = [stack(home, "run") for _ in range(options.repeats)]
        build = [stack(home, "dbt", "build", "--exclude", "test_type:unit") for _ in nothing]
        full = stack(home, "run", "--full")
        change_a_time_entry(home)
        one_file = stack(home, "run")
        findings = [
            Finding("nothing new", "dbt build", median(nothing), median(build), 0.5),
            Finding("everything, with --full", "dbt build", full, median(build), 2.5),
            Finding("one changed file of time entries", "--full", one_file, full, 0.5),
            Finding("first run", "dbt build", first, median(build), None),
        ]
        if options.large:
            large = Path(folder) / "large"
            stack(large, "sample-data", "--size", str(options.large))
            stack(large, "run")
            same = [stack(large, "run") for _ in nothing]
            what = f"nothing new, {options.large:,} time entries"
            small = f"{options.size:,}"
            findings.append(Finding(what, small, median(same), median(nothing), 1.2))
    conditions = {"size": options.size, "large": options.large, "repeats": options.repeats}
    return 0 if publish("daily", findings, conditions) else 1


def change_a_time_entry(home: Path) -> None:
    """Add a minute to one row of the newest file."""
    newest = max((home / "exports" / "books" / "time_entries").glob("*.parquet"))
    changed = newest.with_name("changed.parquet")
    duckdb.execute(
        "copy (select * exclude (file_row_number) "
        "replace (minutes + (file_row_number = 0)::integer as minutes) "
        f"from read_parquet('{newest}', file_row_number = true)) to '{changed}'"
    )
    changed.replace(newest)


if __name__ == "__main__":
    sys.exit(main())
