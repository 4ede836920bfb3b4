"""`stack dev`: Dagster's UI and daemon over the one-machine stack."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import click
import dagster as dg
import dagster._cli.dev as dagster_dev
from dagster._cli import main as dagster
from dagster._daemon.auto_run_reexecution.event_log_consumer import (
    DAGSTER_EVENT_TYPES,
    _create_cursor_key,
)

from stack.one_machine.home import HomeError, open_instance
from stack.paths import checkout_root
from stack.settings import StackSettings, load_settings


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--locations", is_flag=True, help="As four code locations, a process each.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dev(locations: bool, arguments: tuple[str, ...]) -> None:
    """Open the stack in Dagster's UI; ARGUMENTS are those of `dagster dev`, such as -p 3001.

    With -f or -w among them, absolute paths, it opens these instead.
    """
    if {"-f", "-w"}.isdisjoint(arguments):
        arguments = (*_checkout(locations), *arguments)
    serve(arguments)


def _checkout(locations: bool) -> tuple[str, ...]:
    root = checkout_root()
    if root is None:
        raise HomeError("stack dev", found="no checkout", next_step="run it in a clone")
    if locations:
        return "-w", f"{root}/workspace.yaml"
    return "-f", f"{root}/code_locations/definitions.py", "-d", str(root)


def serve(arguments: Sequence[str]) -> None:
    """Prepare the instance, and be `dagster dev`, but with our webserver.

    Paths in the arguments of `dagster dev` must be absolute. It runs in DAGSTER_HOME: beside
    another dagster.yaml it would warn.
    """
    settings = load_settings(StackSettings)
    os.environ["WEBSERVER_ALLOWED_HOSTS"] = settings.webserver_allowed_hosts
    with open_instance(settings) as instance:
        home = instance.root_directory
        _read_events_from_now(instance)
    os.chdir(home)
    _start_our_webserver()
    warnings.filterwarnings("ignore", "Function `dev_command` is superseded")
    sys.argv = ["dagster", "dev", *arguments]
    dagster()  # type: ignore[no-untyped-call]


def _read_events_from_now(instance: dg.DagsterInstance) -> None:
    """As the daemon that retries runs would the first time, but that it warns of it."""
    keys = {_create_cursor_key(event) for event in DAGSTER_EVENT_TYPES}
    missing = keys - instance.daemon_cursor_storage.get_cursor_values(keys).keys()
    if missing:
        latest = instance.event_log_storage.get_maximum_record_id() or 0
        instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(missing, str(latest)))


def _start_our_webserver() -> None:
    start = dagster_dev.open_ipc_subprocess  # type: ignore[attr-defined]

    def start_ours(command: Sequence[str], **options: Any) -> Any:
        ours = ["pods.webserver" if part == "dagster_webserver" else part for part in command]
        return start(ours, **options)

    dagster_dev.open_ipc_subprocess = start_ours  # type: ignore[attr-defined,assignment]
