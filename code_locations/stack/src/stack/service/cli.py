"""`stack service`: the stack runs by itself."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from stack.files import keep_file
from stack.service.parts import NAME, PORT, Part, ServiceError, checkout, names, parts, program
from stack.service.supervisor import State, Supervisor, supervisor
from stack.settings import StackSettings, load_settings

ANSWERS_WITHIN_S = 90.0


@click.group()
def service() -> None:
    """Run UI, daemon and code by themselves, also after logout and reboot."""


@service.command()
@click.option("-p", "--port", default=PORT, show_default=True, help="Port of the UI on loopback.")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
def install(port: int, dry_run: bool) -> None:
    """Install the service, or bring it up to date; then it runs."""
    wanted, chosen, root = parts(port), supervisor(), checkout()
    load_settings(StackSettings)  # reports mistakes in .env before anything is installed
    files = chosen.files(wanted, root)
    if dry_run:
        for file, text in files.items():
            click.echo(f"# {file}\n{text}")
        return
    chosen.require()
    _require_ours(files)
    changed = [file for file, text in files.items() if keep_file(file, text)]
    chosen.start(wanted, changed=bool(changed))
    click.echo(f"{NAME}: {names(wanted)}; {len(changed)} of {len(files)} files written")
    if advice := chosen.advice():
        click.echo(advice)
    _wait_for_ui(port)
    click.echo(f"http://localhost:{port}")


@service.command()
def uninstall() -> None:
    """Stop the service and remove its files; data, runs and settings stay."""
    wanted, chosen = parts(), supervisor()
    files = [file for file in chosen.files(wanted, checkout()) if file.is_file()]
    if not files:
        click.echo(f"{NAME} is not installed")
        return
    chosen.require()
    chosen.stop(wanted)
    for file in files:
        file.unlink()
    chosen.forget()
    click.echo(f"{NAME}: stopped, {len(files)} files removed; .stack and .env are unchanged")


@service.command()
def restart() -> None:
    """Stop everything and start it again, with the current code and .env."""
    wanted, chosen = _installed()
    chosen.restart(wanted)
    click.echo(f"{NAME}: {names(wanted)} restarted")


@service.command()
def status() -> int:
    """Show each process's state; exit code 1 unless all run."""
    wanted, chosen = _installed()
    states = chosen.states(wanted)
    Console(soft_wrap=True).print(_table(states))
    return 0 if all(state.running for state in states) else 1


@service.command()
@click.argument("part", required=False, type=click.Choice([part.name for part in parts()]))
@click.option("-n", "--lines", default=100, show_default=True, help="How many lines to print.")
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they come.")
def logs(part: str | None, lines: int, follow: bool) -> None:
    """Print the log of all processes, or of PART."""
    wanted, chosen = _installed()
    chosen_parts = [one for one in wanted if part in (None, one.name)]
    command = chosen.log_command(chosen_parts, lines, follow)
    os.execvp(command[0], command)  # noqa: S606 - a list, and the supervisor's own program


@service.command(hidden=True)
@click.argument("name", type=click.Choice([part.name for part in parts()]))
@click.option("--port", default=PORT)
@click.option("--log", type=click.Path(path_type=Path))
def run(name: str, port: int, log: Path | None) -> None:
    """Be one of the service's processes."""
    from stack.service.running import run_part

    if log is not None:
        from stack.service.logfile import log_into

        log_into(log)
    run_part(name, port)


def _installed() -> tuple[Sequence[Part], Supervisor]:
    """The installed parts. Raises ServiceError if there are none."""
    wanted, chosen = parts(), supervisor()
    if not all(file.is_file() for file in chosen.files(wanted, checkout())):
        raise ServiceError(NAME, found="no service", next_step="`stack service install` first")
    chosen.require()
    return wanted, chosen


def _require_ours(files: Iterable[Path]) -> None:
    for file in files:
        text = file.read_text() if file.is_file() else ""
        starts = "ExecStart" in text or "ProgramArguments" in text
        if starts and str(program()) not in text:
            raise ServiceError(
                str(file),
                found="the service of another checkout",
                next_step="`stack service uninstall` there, then install this one",
            )


def _wait_for_ui(port: int) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=10)
        except urllib.error.HTTPError:
            return  # it asks for a login, so it answers
        except OSError:
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"http://localhost:{port}",
                    found=f"no answer within {ANSWERS_WITHIN_S:.0f} s",
                    next_step="`stack service logs` says why",
                ) from None
            time.sleep(0.5)
        else:
            return


def _table(states: Sequence[State]) -> Table:
    table = Table("process", "what it is for", "state", "since", "begun anew", "process id")
    for state in states:
        anew = "" if state.restarts is None else str(state.restarts)
        process = "" if state.process is None else str(state.process)
        told = f"[green]{state.told}[/green]" if state.running else f"[red]{state.told}[/red]"
        table.add_row(state.part.name, state.part.told, told, state.since, anew, process)
    return table
