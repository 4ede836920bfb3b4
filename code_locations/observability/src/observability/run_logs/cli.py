"""`stack logs`: what a run did, line by line."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import click
import dagster as dg

from observability.run_logs.events import Line, line_of
from observability.run_logs.finding import runs_named, title
from observability.run_logs.output import output_of
from stack.automation import opened_instance
from stack.errors import StackError

LEVELS = ("debug", "info", "warning", "error")
COLORS = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}
POLL_S = 1.0
AT_ONCE = 1000


@click.command()
@click.argument("run")
@click.option("--step", default="", help="Only of this step, such as dbt_run.")
@click.option(
    "--level", type=click.Choice(LEVELS), default="info", help="The least; default: info."
)
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.option("--output", is_flag=True, help="Then what its steps wrote to stdout and stderr.")
def logs(run: str, step: str, level: str, follow: bool, output: bool) -> None:
    """Print what RUN did: the beginning of its id, a pipeline's name, or `last`.

    Times are UTC. At level debug the checks that passed are told, too.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    with opened_instance() as instance:
        runs = runs_named(instance, run)
        shown = _Shown(instance, step)
        for found in runs:
            click.secho(title(found), bold=True)
            for line in shown.lines(found.run_id, follow=follow):
                if line.level >= least:
                    click.secho(line.text, fg=COLORS.get(line.level))
            for name, text in output_of(instance, found.run_id, step) if output else ():
                click.secho(name, bold=True)
                click.echo(text)
        if step and step not in shown.steps:
            raise StackError(
                f"step {step}",
                found="none of this name in the run",
                expected=f"one of {', '.join(shown.steps)}" if shown.steps else "",
            )


@dataclass
class _Shown:
    """What is shown of runs, and the steps seen so far."""

    instance: dg.DagsterInstance
    step: str
    steps: dict[str, None] = field(default_factory=dict)

    def lines(self, run_id: str, *, follow: bool) -> Iterator[Line]:
        """The run's lines; with `follow`, also those to come until it ends."""
        cursor = None
        while True:
            # Asked before reading its events, which then include everything up to its end.
            ended = not follow or self._has_ended(run_id)
            found = self.instance.get_records_for_run(run_id, cursor=cursor, limit=AT_ONCE)
            cursor = found.cursor
            for record in found.records:
                if (line := line_of(record.event_log_entry)) is None:
                    continue
                if line.step:
                    self.steps[line.step] = None
                if self.step in ("", line.step):
                    yield line
            if not found.has_more and ended:
                return
            if not found.has_more:
                time.sleep(POLL_S)

    def _has_ended(self, run_id: str) -> bool:
        run = self.instance.get_run_by_id(run_id)
        return run is None or run.is_finished
