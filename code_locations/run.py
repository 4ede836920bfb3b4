"""`make run`: one pipeline, in this process, with progress and a summary.

python -m code_locations.run emergency_data_refresh --skip-validations --target-models +cash_in
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from stack.one_machine.launch import run_pipeline
from stack.one_machine.lock import AlreadyRunningError
from stack.options import options_config
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
    console = Console(highlight=False, soft_wrap=True)
    try:
        given = parser.parse_args()
        run_config = options_config(
            skip_validations=given.skip_validations,
            force_full_refresh=given.force_full_refresh,
            target_models=given.target_models,
        )
        from code_locations.definitions import defs

        return 0 if run_pipeline(defs, given.pipeline, console, run_config) else 1
    except (AlreadyRunningError, SettingsError) as error:
        console.print(f"[red]{error}[/red]")
        return 2


if __name__ == "__main__":
    sys.exit(main())
