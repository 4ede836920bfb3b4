"""The command `stack`: its subcommands, and the one place that prints their errors.

Each is a click command in the module that it belongs to, imported only when it runs, so that
`stack --help` is quick and an image has only its own location's. `_STACK_COMPLETE` is click's:
https://click.palletsprojects.com/en/stable/shell-completion/
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any

import click

from stack.errors import StackError, one_line, reason
from stack.paths import checkout_root

# Name, import path, and line in `stack --help`.
COMMANDS = {
    "run": ("code_locations.run:run", "Run a pipeline in this process, with a summary."),
    "dev": ("stack.one_machine.dev:dev", "Open the stack in Dagster's UI."),
    "service": ("stack.service.cli:service", "Run the stack by itself, also after a reboot."),
    "observe": ("observability.process:observe", "Serve metrics of the stack to Prometheus."),
    "status": ("observability.status.cli:status", "Say how the stack is, on one screen."),
    "logs": ("observability.run_logs.cli:logs", "Say what a run did, line by line."),
    "query": ("stack.warehouse.cli:query", "Query the warehouse, read-only."),
    "dbt": ("transformation.dbt_cli:dbt", "Run dbt by hand on the warehouse."),
    "connect": ("ingestion.connect.cli:connect", "Turn files that no layout knows into a table."),
    "profile": ("ingestion.profile_cli:profile", "Say how a file would be read, and why."),
    "quarantine": ("ingestion.quarantine_cli:quarantine", "List what could not be loaded."),
    "retention": ("ingestion.retention:retention_command", "Delete what is old, or say what is."),
    "backup": ("ingestion.backup.cli:backup", "Save all of the stack in one file."),
    "restore": ("ingestion.backup.cli:restore", "Put a backup into an empty stack."),
    "backup-key": ("ingestion.backup.cli:backup_key", "Make a key pair for encrypted backups."),
    "notify": ("observability.messages.cli:notify", "List the channels that tell; test them."),
    "incidents": ("observability.messages.cli:incidents", "List what is wrong now."),
    "start": ("stack.automation:start_command", "Let a schedule or sensor run."),
    "sync": ("stack.sync.cli:sync", "Bring edited code to a cluster, in seconds."),
    "stop": ("stack.automation:stop_command", "Stop a schedule or sensor."),
    "state": ("stack.automation:state_command", "Say whether a schedule or sensor runs."),
    "sample-data": ("ingestion.sample_data.cli:sample_data", "Write sample exports, on first use."),
    "connectors": ("ingestion.airbyte.connectors:connectors", "Install the Airbyte connectors."),
    "promote": ("scripts.promotion.cli:promote_command", "Copy image digests to an environment."),
    "prove": ("scripts.promotion.cli:prove_command", "Print what proves an environment's images."),
    "diff-marts": ("scripts.promotion.marts_told:diff_marts", "Compare two warehouses' marts."),
    "watch-environment": (
        "scripts.promotion.cli:watch_command",
        "Say whether a commit's images work.",
    ),
    "rollback": ("scripts.promotion.cli:rollback_command", "Give an environment former images."),
}
USER_ERROR = 2
# New objects between two collections: Python's 700 cost a tenth of a short command's time.
GARBAGE_AFTER = 50_000


class _Lazy(click.Command):
    """A command imported when it is called; help and completion only need its help line."""

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
    """Run a command; an error that its user can fix is one line, and exit code 2."""
    gc.set_threshold(GARBAGE_AFTER)
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


if __name__ == "__main__":
    main()
