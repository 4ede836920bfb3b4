"""The asset that clears what is old, and `stack retention`, which does the same by hand."""

from typing import Any

import click
import dagster as dg

from ingestion.settings import IncomingSettings, QuarantineSettings
from stack.retention.report import Cleared, table
from stack.retention.sweep import sweep
from stack.settings import StackSettings, load_settings
from stack.warehouse.pool import WAREHOUSE_POOL


def _sweep(
    instance: dg.DagsterInstance, *, own_run: str | None = None, dry_run: bool = False
) -> list[Cleared]:
    return list(
        sweep(
            instance,
            processed=load_settings(IncomingSettings).processed,
            quarantine=load_settings(QuarantineSettings).quarantine,
            own_run=own_run,
            dry_run=dry_run,
        )
    )


@dg.asset(
    group_name="retention",
    kinds={"dagster", "duckdb"},
    owners=["team:analytics"],
    pool=WAREHOUSE_POOL,
    description="Sizes of what grows, before and after what is old was deleted.",
)
def retention(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Clear every kind of data; fail at the end if something couldn't be deleted."""
    found = _sweep(context.instance, own_run=context.run.run_id)
    shown = {"sizes": dg.MetadataValue.md(table(found))}
    problems = [f"{kind.kind}: {problem}" for kind in found for problem in kind.problems]
    for problem in problems:
        context.log.error(problem)
    if problems:
        told = f"{len(problems)} things can't be deleted, the first: {problems[0]}"
        raise dg.Failure(told, metadata=shown, allow_retries=False)
    sizes = {
        f"{kind.kind.replace(' ', '_')}_bytes_{when}": size
        for kind in found
        for when, size in (("before", kind.before), ("after", kind.after))
        if size is not None
    }
    return dg.MaterializeResult(metadata={**shown, **sizes})


@click.command()
@click.option("--dry-run", is_flag=True, help="Delete nothing; say what would be.")
def retention_command(dry_run: bool) -> int:
    """Delete what is older than the policy says: see RETENTION_… in .env.example."""
    from stack.automation import opened_instance
    from stack.one_machine.lock import single_run

    home = load_settings(StackSettings).stack_home
    with opened_instance() as instance:
        if dry_run:
            found = _sweep(instance, dry_run=True)
        else:
            with single_run(home):
                found = _sweep(instance)
    click.echo(table(found))
    return 1 if any(kind.problems for kind in found) else 0
