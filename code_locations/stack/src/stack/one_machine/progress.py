"""Prints a run's progress: which step is running, what it logs, how it ended."""

from __future__ import annotations

import logging

import dagster as dg
from rich.console import Console
from rich.markup import escape

from stack.one_machine.events import RunRecord


class Progress:
    """An event listener that records a run and prints it as it happens."""

    def __init__(self, console: Console, record: RunRecord) -> None:
        self._console = console
        self._record = record

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Take one event."""
        self._record.add(entry)
        event = entry.dagster_event
        if event is None:
            self._log(entry)
        elif event.is_step_start:
            self._console.print(f"[bold]▸ {event.step_key}[/bold]")
        elif event.is_step_success:
            step = self._record.steps[str(event.step_key)]
            self._console.print(f"[green]✔ {step.name}[/green]  {step.seconds:.1f} s")
        elif event.is_step_failure:
            step = self._record.steps[str(event.step_key)]
            self._console.print(f"[red]✘ {step.name}[/red]  {escape(step.error or '')}")

    def _log(self, entry: dg.EventLogEntry) -> None:
        level = int(entry.level)
        if level >= logging.WARNING:
            self._console.print(f"    [yellow]{escape(entry.user_message)}[/yellow]")
        elif level >= logging.INFO:
            self._console.print(f"    {escape(entry.user_message)}")
