"""Starts and stops schedules and sensors by name, from Python or as a command.

    stack start daily_pipeline_schedule

`DagsterInstance.start_schedule` needs the schedule as its code location serves it, so the location
is loaded first. The state belongs to a location: name the workspace that the daemon and the UI
have open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click
import dagster as dg

from stack.errors import StackError
from stack.paths import checkout_root
from stack.settings import StackSettings, load_settings

if TYPE_CHECKING:
    from dagster._core.remote_representation.external import RemoteSchedule, RemoteSensor


class UnknownAutomationError(StackError):
    """No schedule or sensor has that name; the message suggests the nearest ones."""


def start(instance: dg.DagsterInstance, name: str, workspace: Path | str | None = None) -> bool:
    """Let the daemon evaluate a schedule or sensor; return whether it now runs.

    `workspace`: a workspace.yaml, or a Python file of definitions as in `dagster dev -f`; by
    default the checkout's `code_locations/definitions.py`, which `make dev` opens. Raises
    UnknownAutomationError.
    """
    with _loaded(instance, name, workspace) as found:
        if _is_schedule(found):
            instance.start_schedule(found)  # type: ignore[arg-type]
        else:
            instance.start_sensor(found)  # type: ignore[arg-type]
        return _runs(instance, found)


def stop(instance: dg.DagsterInstance, name: str, workspace: Path | str | None = None) -> bool:
    """Undo `start`; return whether it still runs."""
    with _loaded(instance, name, workspace) as found:
        origin, selector = found.get_remote_origin_id(), found.selector_id
        if _is_schedule(found):
            instance.stop_schedule(origin, selector, found)  # type: ignore[arg-type]
        else:
            instance.stop_sensor(origin, selector, found)  # type: ignore[arg-type]
        return _runs(instance, found)


def state(instance: dg.DagsterInstance, name: str, workspace: Path | str | None = None) -> bool:
    """Whether a schedule or sensor runs: as it was last set, or else by its default status."""
    with _loaded(instance, name, workspace) as found:
        return _runs(instance, found)


def _runs(instance: dg.DagsterInstance, found: RemoteSchedule | RemoteSensor) -> bool:
    stored = instance.get_instigator_state(found.get_remote_origin_id(), found.selector_id)
    return bool(found.get_current_instigator_state(stored).is_running)


def _is_schedule(found: RemoteSchedule | RemoteSensor) -> bool:
    return hasattr(found, "cron_schedule")


@contextmanager
def _loaded(
    instance: dg.DagsterInstance, name: str, workspace: Path | str | None
) -> Iterator[RemoteSchedule | RemoteSensor]:
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import PythonFileTarget, WorkspaceFileTarget

    root = checkout_root() or Path.cwd()
    file = str(workspace or root / "code_locations" / "definitions.py")
    target = (
        PythonFileTarget(file, attribute=None, working_directory=str(root), location_name=None)
        if file.endswith(".py")
        else WorkspaceFileTarget([file])
    )
    with WorkspaceProcessContext(instance, target, code_server_log_level="WARNING") as process:
        context = process.create_request_context()
        entries = context.get_code_location_entries().values()
        broken = sorted(e.origin.location_name for e in entries if e.load_error)
        found: dict[str, RemoteSchedule | RemoteSensor] = {}
        for location in context.code_locations:
            for repository in location.get_repositories().values():
                found |= {schedule.name: schedule for schedule in repository.get_schedules()}
                found |= {sensor.name: sensor for sensor in repository.get_sensors()}
        if name not in found:
            near = get_close_matches(name, found, n=3, cutoff=0.4) or sorted(found)
            unloaded = f"; {', '.join(broken)} can't be loaded" if broken else ""
            raise UnknownAutomationError(
                f"no schedule or sensor {name} in {file}; there is {', '.join(near)}{unloaded}"
            )
        yield found[name]


@contextmanager
def opened_instance() -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME where that is set, else of STACK_HOME."""
    with instance_opener()() as instance:
        yield instance


def instance_opener() -> Callable[[], AbstractContextManager[dg.DagsterInstance]]:
    """A function that opens the same instance each time, although opening sets DAGSTER_HOME."""
    from stack.one_machine.home import open_instance

    if folder := os.environ.get("DAGSTER_HOME"):
        if not Path(folder).is_dir():
            raise StackError(
                "DAGSTER_HOME", found=folder, expected="a folder", next_step="correct or unset it"
            )
        return dg.DagsterInstance.get
    return lambda: open_instance(load_settings(StackSettings))


def _command(action: Callable[..., bool], told: str) -> click.Command:
    @click.command(help=told)
    @click.argument("name")
    @click.option("-w", "--workspace", help="workspace.yaml; default: what `make dev` opens.")
    def command(name: str, workspace: str | None) -> None:
        with opened_instance() as instance:
            running = action(instance, name, workspace)
        click.echo(f"{name} is {'running' if running else 'stopped'}")

    return command


start_command = _command(start, "Let the daemon evaluate the schedule or sensor NAME.")
stop_command = _command(stop, "Stop the schedule or sensor NAME.")
state_command = _command(state, "Say whether the schedule or sensor NAME runs.")
