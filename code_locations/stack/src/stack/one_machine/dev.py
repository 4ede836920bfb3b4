"""`stack dev`: Dagster's UI and daemon over the one-machine stack, and what watches it."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from stack.one_machine.lock import hold_daemon
from stack.paths import checkout_root
from stack.settings import StackSettings, load_settings

ENDING_S = 20.0


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--locations", is_flag=True, help="Serve four code locations, each in its own process."
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dev(locations: bool, arguments: tuple[str, ...]) -> None:
    """Open the stack in Dagster's UI; ARGUMENTS are those of `dagster dev`, such as -p 3001.

    With -f or -w (absolute paths) among them, it opens those definitions instead.
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
    """Prepare the instance and become `dagster dev`, but with our webserver.

    Paths in `arguments` must be absolute. It runs in DAGSTER_HOME, because Dagster warns about
    another dagster.yaml in the working directory.
    """
    settings = load_settings(StackSettings)
    os.environ["WEBSERVER_ALLOWED_HOSTS"] = settings.webserver_allowed_hosts
    with open_instance(settings) as instance:
        home = instance.root_directory
        hold_daemon(settings.stack_home)
        read_events_from_now(instance)
    os.chdir(home)
    _start_our_webserver()
    warnings.filterwarnings("ignore", "Function `dev_command` is superseded")
    sys.argv = ["dagster", "dev", *arguments]
    with _observed():
        dagster()  # type: ignore[no-untyped-call]


@contextmanager
def _observed() -> Iterator[None]:
    """Run `stack observe` beside it; if the port is taken, that says so and ends."""
    command = [sys.executable, "-m", "stack.commands", "observe", "--with-parent"]
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read_events_from_now(instance: dg.DagsterInstance) -> None:
    """Start the run-retry daemon's cursor at the present, as it would itself, without a warning."""
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
