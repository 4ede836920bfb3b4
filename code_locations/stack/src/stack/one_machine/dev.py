"""`make dev`: Dagster's UI and daemon over the one-machine stack.

    python -m stack.one_machine.dev -f code_locations/definitions.py

Takes the arguments of `dagster dev`; paths in them must be absolute. It runs in its own folder:
beside another dagster.yaml it warns, and of `dagster dev` in any case.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dagster as dg

from stack.one_machine.home import prepare_dagster_home
from stack.one_machine.stale import fail_dead_runs
from stack.settings import StackSettings, load_settings


def main() -> None:
    """Prepare the instance, free it of runs that a killed one left, and become `dagster dev`."""
    settings = load_settings(StackSettings)
    home = prepare_dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    with dg.DagsterInstance.get() as instance:
        for run_id in fail_dead_runs(instance):
            sys.stderr.write(f"run {run_id[:8]} died earlier; marked as failed\n")
    os.chdir(home)
    program = Path(sys.executable).parent / "dagster"
    os.execv(program, [str(program), "dev", *sys.argv[1:]])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
