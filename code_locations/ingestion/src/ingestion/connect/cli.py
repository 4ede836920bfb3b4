"""The command `stack connect`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from ingestion.connect.proposal import (
    Answers,
    ConnectError,
    Proposal,
    files_of,
    proposals,
)
from ingestion.settings import IncomingSettings
from stack.paths import checkout_root
from stack.settings import WarehouseSettings, load_settings

if TYPE_CHECKING:
    from ingestion.files.rules import DateOrder


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--table", default="", help="The table's name; by default after the files.")
@click.option("--key", multiple=True, help="A column of the key; may be repeated.")
@click.option("--dates", type=click.Choice(["dmy", "mdy", "ymd"]), help="The order in 03/04/26.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The mark before a fraction.")
@click.option("--rate", type=float, help="An hour's rate, where projects are billed by the hour.")
@click.option("--currency", default="EUR", show_default=True, help="Where no column says it.")
@click.option(
    "--as",
    "target",
    type=click.Choice(["time_entries", "invoices", "none"]),
    default=None,
    help="The books' table that the rows fill; by default by the columns' names.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FACT=COLUMN",
    help="Which column holds what, as in hours=Dauer; may be repeated.",
)
@click.option(
    "--models/--no-models", default=None, help="Write a staging model, tests, expectations."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--yes", is_flag=True, help="Ask nothing.")  # fmt: skip
def connect(  # noqa: PLR0913 a flag each
    *,
    paths: tuple[Path, ...],
    table: str,
    key: tuple[str, ...],
    dates: str | None,
    decimal: str | None,
    rate: float | None,
    currency: str,
    target: str | None,
    columns: tuple[str, ...],
    models: bool | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Turn files that no layout knows into a table that models can use."""
    said = dict(column.split("=", 1) for column in columns if "=" in column)
    if len(said) < len(columns):
        raise ConnectError("--column", found=", ".join(columns), expected="FACT=COLUMN")
    answers = Answers(
        table=table,
        key=key,
        dates=cast("DateOrder | None", dates),
        decimal=cast("Literal['.', ','] | None", decimal),
        currency=currency,
        rate="" if rate is None else str(rate),
        target=target or "",
        columns=said,
    )
    ask = not yes and not dry_run and sys.stdin.isatty()
    found = _propose(paths, answers)
    if ask and not table and len(found) == 1:
        name = click.prompt("Name of the table", default=found[0].table)
        found = _propose(paths, replace(answers, table=name))
    for proposal in found:
        _show(proposal)
    questions = [f"{p.table}: {question}" for p in found for question in p.open_questions()]
    if questions:
        raise ConnectError("stack connect", found="; ".join(questions))
    if dry_run:
        return
    if ask:
        click.confirm("Write and load these?", abort=True)
    _write_and_load(found, models)


def _propose(paths: Sequence[Path], answers: Answers) -> list[Proposal]:
    import duckdb

    from stack.warehouse.connection import duckdb_config

    config = duckdb_config(load_settings(WarehouseSettings))
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        found, refused = proposals(connection, files_of(paths), answers)
    for file, reason in refused.items():
        click.echo(f"{file}: refused: {reason}", err=True)
    if not found:
        raise ConnectError("stack connect", found="no file that can be read; the reasons are above")
    return found


def _show(proposal: Proposal) -> None:
    rows = sum(found.rows for found in proposal.profiles)
    if proposal.layout is not None:
        click.echo(f"{proposal.table}: {proposal.layout.title}; a layout knows these files")
    else:
        key = ", ".join(proposal.read.key)
        equal = " and the row among equal ones" if proposal.read.occurrence else ""
        click.echo(f"files_{proposal.table}: key {key}{equal}")
    for file, found in zip(proposal.files, proposal.profiles, strict=True):
        click.echo(f"{file}")
        click.echo("\n".join(f"  {line}" for line in found.lines()))
    fills = ", ".join(proposal.feeds) or "none of the books' tables"
    click.echo(f"{rows:,} rows in {len(proposal.files)} files; they fill {fills}")
    for fact, column in proposal.mapping.columns.items():
        if proposal.feeds and proposal.layout is None:
            click.echo(f"  {fact}: {column}")


def _write_and_load(found: Sequence[Proposal], models: bool | None) -> None:
    from ingestion.connect.writing import drop, write_declaration, write_models
    from ingestion.incoming.inbox import Inbox
    from ingestion.incoming.loader import FilesLoader

    settings = load_settings(IncomingSettings)
    if "://" in settings.incoming:
        raise ConnectError(
            f"INCOMING_URL {settings.incoming}",
            expected="a folder of this machine",
            next_step="run it where files arrive in a folder, and keep what it writes",
        )
    root = checkout_root()
    inbox = Path(settings.incoming)
    dropped = []
    for proposal in found:
        if proposal.layout is None:
            click.echo(f"wrote {write_declaration(proposal, settings.declared_files)}")
            if root is not None and models is not False:
                for path in write_models(proposal, root):
                    click.echo(f"wrote {path.relative_to(root)}")
        dropped += drop(proposal, inbox)
    versions = {file.path: file.version for file in Inbox.open(settings).files()}
    paths = [str(path.relative_to(inbox)) for path in dropped]
    report = FilesLoader().load_batch({path: versions[path] for path in paths})
    for done in report.inputs:
        told = f": {done.reason}" if done.reason else ""
        click.echo(f"{done.name}: {done.outcome.replace('_', ' ')}, {done.loaded:,} rows{told}")
        for broken in done.breaks:
            click.echo(f"  {broken}")
    click.echo("Compare the totals above with what you know. Then: make run")
    if report.failures or any(done.set_aside for done in report.inputs if done.outcome != "loaded"):
        raise ConnectError("stack connect", found="files that could not be loaded; see above")
