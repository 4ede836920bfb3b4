"""dbt by hand on the stack's warehouse: `stack dbt build -s marts`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import click

from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables
from transformation.project import load_project, prepared

# Like the `dbt` script; `-m dbt.cli.main` would import the module twice.
_DBT = "from dbt.cli.main import cli; cli(prog_name='dbt')"
_NEEDS_TABLES = {"build", "compile", "run", "show", "test"}


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dbt(arguments: tuple[str, ...]) -> int:
    """Run dbt with the project's folders and environment; everything else is dbt's."""
    project = load_project()
    target_dir = project.stack_home / "dbt" / "by-hand"
    target_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(prepared(project) / "partial_parse.msgpack", target_dir)
    if arguments and arguments[0] in _NEEDS_TABLES:
        settings = load_settings(WarehouseSettings)
        with connect(settings) as connection:
            ensure_raw_tables(connection, settings, project.raw_tables)
    environment = os.environ | project.environment
    environment |= {
        "DBT_PROJECT_DIR": str(project.project_dir),
        "DBT_PROFILES_DIR": str(project.profiles_dir),
        "DBT_TARGET": project.target,
        "DBT_TARGET_PATH": str(target_dir),
        "DBT_LOG_PATH": str(project.log_dir),
    }
    command = [sys.executable, "-c", _DBT, *arguments]
    return subprocess.run(command, env=environment, check=False).returncode
