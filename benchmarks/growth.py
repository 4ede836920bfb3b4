"""What a month of the stack leaves behind, without and with retention.

    python -m benchmarks.growth

In a new STACK_HOME with the sample exports and a DuckLake, it runs each automatic pipeline until it
finds nothing new, and then once more. A month's growth is what that last run leaves, times its
starts in a month; what retention keeps is the same, times the days in the policy's defaults.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stack.markdown import markdown_table
from stack.pipelines import DAILY, INCREMENTAL_SYNC, MONITORING, Pipeline
from stack.retention.files import folder_size
from stack.settings import RetentionSettings, load_settings

MONTH = 30
A_DAY = {DAILY: 1, INCREMENTAL_SYNC: 4, MONITORING: 96}
FOLDERS = {"runs": "dagster", "results": "artifacts", "DuckLake": "lake"}
# A forgotten state of the lake loses its files a night later.
LAKE_NIGHTS = 1


def _stack(home: Path, *arguments: str) -> None:
    command = str(Path(sys.executable).with_name("stack"))
    environment = os.environ | {"STACK_HOME": str(home), "DLT_DESTINATION": "ducklake"}
    done = subprocess.run(
        [command, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"stack {' '.join(arguments)}: {done.stdout}{done.stderr}")


def left_by(home: Path, pipeline: Pipeline) -> dict[str, int]:
    """Bytes that one more run of the pipeline leaves, by kind."""
    before = {kind: folder_size(home / folder) for kind, folder in FOLDERS.items()}
    _stack(home, "run", pipeline.name)
    return {kind: folder_size(home / folder) - before[kind] for kind, folder in FOLDERS.items()}


def rows(left: dict[Pipeline, dict[str, int]], keep: RetentionSettings) -> list[tuple[str, ...]]:
    """One row a kind: a month's growth without retention, and where it levels off with it."""
    days = {
        "runs": dict.fromkeys(A_DAY, keep.retention_run_days)
        | {MONITORING: keep.retention_monitoring_days},
        "results": dict.fromkeys(A_DAY, keep.retention_artifact_days),
        "DuckLake": dict.fromkeys(A_DAY, keep.retention_snapshot_days + LAKE_NIGHTS),
    }
    found = []
    for kind in FOLDERS:
        a_day = {pipeline: A_DAY[pipeline] * left[pipeline][kind] for pipeline in A_DAY}
        month = MONTH * sum(a_day.values())
        level = sum(days[kind][pipeline] * a_day[pipeline] for pipeline in A_DAY)
        found.append((kind, f"{month / 1e6:,.0f} MB", f"{level / 1e6:,.0f} MB"))
    return found


def main() -> None:
    """Print the table, and what each run left."""
    with tempfile.TemporaryDirectory(prefix="stack-growth-") as folder:
        home = Path(folder)
        _stack(home, "sample-data")
        for pipeline in (DAILY, MONITORING):
            _stack(home, "run", pipeline.name)
        left = {pipeline: left_by(home, pipeline) for pipeline in A_DAY}
    one = [(p.name, *(f"{left[p][k] / 1e3:,.0f} kB" for k in FOLDERS)) for p in A_DAY]
    print(markdown_table(("one run of", *FOLDERS), one))
    header = ("kind", "grows a month, without", "levels off at, with")
    print(f"\n{markdown_table(header, rows(left, load_settings(RetentionSettings)))}")


if __name__ == "__main__":
    main()
