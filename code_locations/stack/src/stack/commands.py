"""The command `stack`: what each command is, and the one place that shows its errors.

A command is a click command in the module that it belongs to, imported when it is run, so that
`stack --help` is quick and an image has those of its own location. `_STACK_COMPLETE` is click's:
https://click.palletsprojects.com/en/stable/shell-completion/
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from stack.errors import StackError, one_line, reason
from stack.paths import checkout_root

# Name, where it is, and what `stack --help` says.
COMMANDS = {
    "run": ("code_locations.run:run", "Run a pipeline in this process, with a summary."),
    "dev": ("stack.one_machine.dev:dev", "Open the stack in Dagster's UI."),
    "query": ("stack.warehouse.cli:query", "Query the warehouse, read-only."),
    "dbt": ("transformation.dbt_cli:dbt", "Run dbt by hand on the warehouse."),
    "connect": ("ingestion.connect.cli:connect", "Turn files that no layout knows into a table."),
    "profile": ("ingestion.profile_cli:profile", "Say how a file would be read, and why."),
    "quarantine": ("ingestion.quarantine_cli:quarantine", "List what could not be loaded."),
    "retention": ("ingestion.retention:retention_command", "Delete what is old, or say what is."),
    "backup": ("ingestion.backup.cli:backup", "Save all of the stack in one file."),
    "restore": ("ingestion.backup.cli:restore", "Put a backup into an empty stack."),
    "backup-key": ("ingestion.backup.cli:backup_key", "Make a key pair for encrypted backups."),
    "start": ("stack.automation:start_command", "Let a schedule or sensor run."),
    "stop": ("stack.automation:stop_command", "Stop a schedule or sensor."),
    "state": ("stack.automation:state_command", "Say whether a schedule or sensor runs."),
    "sample-data": ("ingestion.sample_data.cli:sample_data", "Write sample exports, on first use."),
    "connectors": ("ingestion.airbyte.connectors:connectors", "Install the Airbyte connectors."),
    "promote": ("scripts.promote:promote_command", "Copy image digests to an environment."),
}
USER_ERROR = 2


class _Lazy(click.Command):
    """A command that is imported when it is called; help and completion need its line only."""

    def __init__(self, name: str, target: str, told: str) -> None:
        super().__init__(name, help=told)
        self._target = target

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        module, _, name = self._target.partition(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise StackError(
                f"stack {info_name}",
                found=f"no {error.name} here",
                next_step="run it in a checkout, or in the image of its location",
            ) from error
        return command.make_context(info_name, args, parent=parent, **extra)


@click.group(
    commands={name: _Lazy(name, *told) for name, told in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Show where an error came from.")
def stack(debug: bool) -> None:
    """A whole data stack on one machine."""


def main() -> None:
    """Run a command; an error that its user can put right is one line, and exit code 2."""
    root = checkout_root()
    if root is not None and str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        code = stack(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (StackError, OSError) as error:
        if "--debug" in sys.argv:
            raise
        sys.stderr.write(f"{told(error)}\n")
        sys.exit(USER_ERROR)
    sys.exit(code if isinstance(code, int) else 0)


def told(error: Exception) -> str:
    """An error as one line."""
    if isinstance(error, OSError) and error.filename is not None:
        return one_line(f"{error.filename}: {error.strerror}; check the path and who may write it")
    return reason(error)
