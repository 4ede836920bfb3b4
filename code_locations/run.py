"""`make run`: one pipeline, in this process, with progress and a summary."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console

from stack.one_machine.launch import run_pipeline
from stack.one_machine.lock import AlreadyRunningError
from stack.pipelines import DAILY, PIPELINES
from stack.settings import SettingsError


def main() -> int:
    """Run the pipeline named on the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Run a pipeline of the stack.")
    parser.add_argument(
        "pipeline", nargs="?", default=DAILY.name, choices=[p.name for p in PIPELINES]
    )
    console = Console(highlight=False, soft_wrap=True)
    try:
        pipeline = parser.parse_args().pipeline
        from code_locations.definitions import defs

        return 0 if run_pipeline(defs, pipeline, console) else 1
    except (AlreadyRunningError, SettingsError) as error:
        console.print(f"[red]{error}[/red]")
        return 2


if __name__ == "__main__":
    sys.exit(main())
