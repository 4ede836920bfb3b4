"""`make run`: one pipeline, in this process, with progress and a summary.

python -m code_locations.run emergency_data_refresh --skip-validations --target-models +cash_in
    python -m code_locations.run backfill_pipeline --first-day 2025-01-01 --last-day 2025-01-31
"""

from __future__ import annotations

import argparse
import sys
from datetime import date

from rich.console import Console

from stack.one_machine.launch import run_pipeline
from stack.one_machine.lock import AlreadyRunningError
from stack.options import options_config
from stack.partitions import Days, range_tags
from stack.pipelines import DAILY, PIPELINES
from stack.settings import SettingsError


def main() -> int:
    """Run the pipeline named on the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Run a pipeline of the stack.")
    parser.add_argument(
        "pipeline", nargs="?", default=DAILY.name, choices=[p.name for p in PIPELINES]
    )
    parser.add_argument("--skip-validations", action="store_true", help="validate nothing")
    parser.add_argument(
        "--force-full-refresh", action="store_true", help="read and build everything anew"
    )
    parser.add_argument(
        "--target-models", default="", metavar="SELECTION", help="only these dbt models"
    )
    parser.add_argument(
        "--first-day", type=date.fromisoformat, metavar="YYYY-MM-DD", help="rebuild from this day"
    )
    parser.add_argument(
        "--last-day",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="to this day; default: only the first",
    )
    console = Console(highlight=False, soft_wrap=True)
    try:
        given = parser.parse_args()
        first, last = given.first_day, given.last_day or given.first_day
        if last and (first is None or first > last):
            parser.error(f"--first-day {first} --last-day {last}: not a range of days")
        run_config = options_config(
            skip_validations=given.skip_validations,
            force_full_refresh=given.force_full_refresh,
            target_models=given.target_models,
        )
        from code_locations.definitions import defs

        tags = range_tags(Days(first, last)) if first else {}
        return 0 if run_pipeline(defs, given.pipeline, console, run_config, tags) else 1
    except (AlreadyRunningError, SettingsError) as error:
        console.print(f"[red]{error}[/red]")
        return 2


if __name__ == "__main__":
    sys.exit(main())
