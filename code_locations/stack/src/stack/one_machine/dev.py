"""`make dev`: Dagster's UI and daemon over the one-machine stack.

    python -m stack.one_machine.dev -f code_locations/definitions.py

Takes the arguments of `dagster dev`; paths in them must be absolute. It runs in its own folder:
beside another dagster.yaml it warns, and of `dagster dev` in any case.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stack.one_machine.home import prepare_dagster_home
from stack.settings import StackSettings, load_settings


def main() -> None:
    """Prepare the instance, and become `dagster dev`."""
    settings = load_settings(StackSettings)
    home = prepare_dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["PYTHONWARNINGS"] = "ignore:Function `dev_command` is superseded"
    os.chdir(home)
    program = Path(sys.executable).parent / "dagster"
    os.execv(program, [str(program), "dev", *sys.argv[1:]])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
