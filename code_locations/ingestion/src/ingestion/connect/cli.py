"""The command `stack connect`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from ingestion.connect.loading import check_inbox, load, what_to_write
from ingestion.connect.money import code_of
from ingestion.connect.proposal import Proposal, proposals
from ingestion.connect.questions import Answers, ConnectError, Question
from ingestion.connect.reading import Found, files_of, read_files
from ingestion.connect.relations import Relation, relations
from ingestion.connect.showing import show
from ingestion.files.names import table_name
from ingestion.settings import IncomingSettings
from stack.paths import checkout_root
from stack.settings import WarehouseSettings, load_settings

if TYPE_CHECKING:
    from ingestion.files.rules import DateOrder


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--table", default="", help="The table's name; by default after the files.")
@click.option("--key", multiple=True, help="A column of the key; may be repeated. Or none.")
@click.option("--dates", type=click.Choice(["dmy", "mdy", "ymd"]), help="The order in 03/04/26.")
@click.option("--decimal", type=click.Choice([".", ","]), help="The mark before a fraction.")
@click.option("--rate", type=float, help="An hour's rate, where projects are billed by the hour.")
@click.option("--sheet", default="", help="The sheet of a workbook with several tables.")
@click.option("--currency", metavar="CODE", default="", help="Where nothing in the file says it.")
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
    help="Which column holds what, as in hours=Dauer, tax=0 for none; may be repeated.",
)
@click.option(
    "--models/--no-models", default=None, help="Write a staging model, tests, expectations."
)
@click.option("--replace", "anew", is_flag=True, help="Write anew what is declared already.")
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@click.option("--yes", is_flag=True, help="Ask nothing.")  # fmt: skip
def connect(  # noqa: PLR0913 a flag each
    *,
    paths: tuple[Path, ...],
    table: str,
    key: tuple[str, ...],
    dates: str | None,
    decimal: str | None,
    sheet: str,
    rate: float | None,
    currency: str,
    target: str | None,
    columns: tuple[str, ...],
    models: bool | None,
    anew: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Turn files that no layout knows into a table that models can use."""
    said = dict(column.split("=", 1) for column in columns if "=" in column)
    if len(said) < len(columns):
        raise ConnectError(
            "--column",
            found=", ".join(columns),
            expected="FACT=COLUMN, each fact once, as in hours=Dauer",
        )
    answers = Answers(
        table=table_name(table),
        key=key,
        dates=cast("DateOrder | None", dates),
        decimal=cast("Literal['.', ','] | None", decimal),
        sheet=sheet,
        currency=code_of(currency),
        rate="" if rate is None else str(rate),
        target=target or "",
        columns=said,
    )
    if table and not answers.table:
        raise ConnectError(f"--table {table}", found="no letter or digit to name a table after")
    root = None if models is False else checkout_root()
    ask = not yes and not dry_run and sys.stdin.isatty()
    with tempfile.TemporaryDirectory(prefix="connect-") as folder:
        files = files_of(paths)
        settings = load_settings(IncomingSettings)
        check_inbox(files, settings)
        found = _propose(files, answers, Path(folder), ask=ask)
        related = _related(found, root)
    for proposal in found:
        show(proposal, related.get(proposal.table, []))
    if dry_run:
        return
    texts = what_to_write(found, related, settings.declared_files, root=root, anew=anew)
    if ask:
        click.confirm("Write and load these?", abort=True)
    load(texts, found, settings)


def _propose(files: Sequence[Path], answers: Answers, folder: Path, *, ask: bool) -> list[Proposal]:
    """What the files become, once everything they don't show has been asked."""
    from stack.warehouse.connection import in_memory

    own: dict[str, Answers] = {}
    with in_memory(load_settings(WarehouseSettings)) as connection:
        read: Found | None = None
        while True:
            read = read or read_files(connection, files, answers, folder)
            found = proposals(connection, read, answers, own)
            open_ = [("", question) for question in read.questions]
            open_ += [(p.table, question) for p in found for question in p.questions]
            if not open_:
                break
            if not ask:
                raise ConnectError(
                    "stack connect",
                    found="; ".join(
                        f"{table}: {question}" if table else str(question)
                        for table, question in open_
                    ),
                )
            table, question = open_[0]
            answer = _asked(table, question)
            if question.flag in ("--dates", "--decimal", "--sheet"):
                answers, read = answers.with_answer(question.flag, answer), None
                own = {name: o.with_answer(question.flag, answer) for name, o in own.items()}
            else:
                before = next(p.answers for p in found if p.table == table)
                own[table] = before.with_answer(question.flag, answer)
    for file, reason in read.passed_over.items():
        click.echo(f"{file}: passed over: {reason}")
    for file, reason in read.refused.items():
        click.echo(f"{file}: refused: {reason}", err=True)
    if not found:
        raise ConnectError(
            "stack connect",
            found="no file that can be read; the reasons are above",
            next_step="mend one, and run this again",
        )
    return found


def _asked(table: str, question: Question) -> str:
    about = f"{table}: {question.about}" if table else question.about
    if question.flag == "--currency":
        return code_of(str(click.prompt(about, default=question.choices[0])))
    return str(click.prompt(about, type=click.Choice(question.choices)))


def _related(found: Sequence[Proposal], root: Path | None) -> dict[str, list[Relation]]:
    from stack.warehouse import connect as warehouse

    settings = load_settings(WarehouseSettings)
    with warehouse(settings, read_only=True) as connection:
        return relations(connection, settings, found, root)
