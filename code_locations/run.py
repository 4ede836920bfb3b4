"""`stack run`: one pipeline, in this process, with progress and a summary.

stack run emergency_data_refresh --skip-validations --target-models +cash_in
stack run backfill_pipeline --first-day 2025-01-01 --last-day 2025-01-31
"""

from __future__ import annotations

from datetime import datetime

import click

from stack.options import options_config
from stack.partitions import Days, range_tags
from stack.pipelines import DAILY, PIPELINES

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("pipeline", default=DAILY.name, type=click.Choice([p.name for p in PIPELINES]))
@click.option("--skip-validations", is_flag=True, help="Validate nothing.")
@click.option(
    "--force-full-refresh", is_flag=True, help="Read and rebuild everything from the beginning."
)
@click.option(
    "--full", is_flag=True, help="Rebuild and judge everything again; report what wrongly held."
)
@click.option("--target-models", default="", metavar="SELECTION", help="Only these dbt models.")
@click.option("--first-day", type=DAY, help="Rebuild from this day.")
@click.option("--last-day", type=DAY, help="To this day; default: only the first.")
def run(  # noqa: PLR0913, PLR0917 - click passes each by its name
    pipeline: str,
    skip_validations: bool,
    force_full_refresh: bool,
    full: bool,
    target_models: str,
    first_day: datetime | None,
    last_day: datetime | None,
) -> int:
    """Run PIPELINE, by default daily_data_pipeline; exit code 1 if it fails."""
    from rich.console import Console

    from stack.one_machine.launch import run_pipeline

    first, last = (day.date() if day else None for day in (first_day, last_day or first_day))
    if last and (first is None or first > last):
        raise click.UsageError(f"--first-day {first} --last-day {last}: not a range of days")
    run_config = options_config(
        skip_validations=skip_validations,
        force_full_refresh=force_full_refresh,
        full=full,
        target_models=target_models,
    )
    tags = range_tags(Days(first, last)) if first and last else {}
    from code_locations.definitions import defs

    console = Console(highlight=False, soft_wrap=True)
    succeeded = run_pipeline(defs, pipeline, console, run_config, tags)
    _tell()
    return 0 if succeeded else 1


def _tell() -> None:
    """Send messages about what the run opened or closed; its result doesn't depend on them.

    `stack dev`, which would send them, may not be running.
    """
    from observability.settings import NotifySettings
    from stack.automation import opened_instance
    from stack.errors import StackError
    from stack.settings import load_settings

    try:
        settings = load_settings(NotifySettings)
        if settings.notify_urls or settings.notify_routes or settings.notify_ping_url:
            from observability.messages.telling import tell_of_run

            with opened_instance() as instance:
                tell_of_run(instance)
    except StackError as error:
        click.echo(f"nobody was told: {error}", err=True)
