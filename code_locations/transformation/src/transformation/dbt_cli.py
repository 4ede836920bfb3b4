"""dbt by hand, on the stack's warehouse: `python -m transformation.dbt_cli build -s marts`."""

from __future__ import annotations

import os
import sys

from transformation.project import DbtProjectError, load_project


def main(arguments: list[str]) -> int:
    """Become dbt, with the project's folders and environment; everything else is dbt's."""
    try:
        project = load_project()
    except DbtProjectError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    environment = os.environ | project.environment
    environment |= {
        "DBT_PROJECT_DIR": str(project.project_dir),
        "DBT_PROFILES_DIR": str(project.profiles_dir),
        "DBT_TARGET": project.target,
        "DBT_TARGET_PATH": str(project.stack_home / "dbt" / "by-hand"),
        "DBT_LOG_PATH": str(project.log_dir),
    }
    command = [sys.executable, "-m", "dbt.cli.main", *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
