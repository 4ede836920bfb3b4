"""`make dev`: Dagster's UI and daemon over the one-machine stack.

    python -m stack.one_machine.dev -f code_locations/definitions.py

Takes the arguments of `dagster dev`; paths in them must be absolute. It runs in its own folder:
beside another dagster.yaml it warns, and of `dagster dev` in any case.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import dagster as dg
import dagster._cli.dev as dagster_dev
from dagster._cli import main as dagster
from dagster._daemon.auto_run_reexecution.event_log_consumer import (
    DAGSTER_EVENT_TYPES,
    _create_cursor_key,
)

from stack.one_machine.home import prepare_dagster_home
from stack.settings import StackSettings, load_settings


def main() -> None:
    """Prepare the instance, and be `dagster dev`, but with our webserver."""
    settings = load_settings(StackSettings)
    home = prepare_dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["WEBSERVER_ALLOWED_HOSTS"] = settings.webserver_allowed_hosts
    with dg.DagsterInstance.get() as instance:
        _read_events_from_now(instance)
    os.chdir(home)
    _start_our_webserver()
    warnings.filterwarnings("ignore", "Function `dev_command` is superseded")
    sys.argv = ["dagster", "dev", *sys.argv[1:]]
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


if __name__ == "__main__":
    main()
