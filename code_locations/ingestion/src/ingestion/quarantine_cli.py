"""`stack quarantine`: what is set aside, and putting it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

import click

from ingestion.quarantine import RECORDS_SHOWN, Quarantine, QuarantineError
from ingestion.settings import QuarantineSettings
from stack.errors import StackError, one_line, reason
from stack.quarantine import Entry
from stack.settings import load_settings

_RECORD_CHARACTERS = 500


def _open() -> Quarantine:
    return Quarantine(load_settings(QuarantineSettings).quarantine)


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--loader", "loaders", multiple=True, help="Only of this loader; may be repeated.")
@click.pass_context
def quarantine(context: click.Context, as_json: bool, loaders: tuple[str, ...]) -> None:
    """List the files and records that could not be loaded, each with its reason."""
    if context.invoked_subcommand is not None:
        return
    store = _open()
    entries = store.entries(loaders or None)
    if as_json:
        click.echo(json.dumps([e.model_dump(mode="json") for e in entries], ensure_ascii=False))
        return
    for entry in entries:
        click.echo(_line(entry))
        for line in _records(store, entry, RECORDS_SHOWN):
            click.echo(f"    {line}")
        if (more := (entry.records or 0) - RECORDS_SHOWN) > 0:
            click.echo(f"    and {more:,} more: stack quarantine show {entry.id}")
    if not entries:
        click.echo("Nothing is set aside.")


@quarantine.command()
@click.argument("ids", nargs=-1, required=True)
def show(ids: tuple[str, ...]) -> None:
    """Show entries with all of their records, by the beginning of their ids, or `all`."""
    store = _open()
    for entry in _chosen(store, ids):
        click.echo(_line(entry))
        click.echo(f"    kept at {entry.place}")
        for line in _records(store, entry):
            click.echo(f"    {line}")


@quarantine.command("put-back")
@click.argument("ids", nargs=-1, required=True)
def put_back(ids: tuple[str, ...]) -> int:
    """Let the next load take entries again, by the beginning of their ids, or `all`.

    One that can't be put back holds up none of the others; the exit code is 2 then.
    """
    store = _open()
    failed = 0
    for entry in _chosen(store, ids):
        try:
            click.echo(one_line(_put_back(entry)))
        except (StackError, OSError) as error:
            click.echo(reason(error), err=True)
            failed = 2
        else:
            store.settle(entry)
    return failed


@quarantine.command()
@click.argument("ids", nargs=-1, required=True)
def settle(ids: tuple[str, ...]) -> None:
    """Take entries off the list without loading them; what is kept of them stays."""
    store = _open()
    for entry in _chosen(store, ids):
        store.settle(entry)
        click.echo(one_line(f"{entry.path} is settled; what is kept of it stays at {entry.place}"))


def _put_back(entry: Entry) -> str:
    from ingestion.registry import LOADERS

    loaders = {loader.name: loader for loader in LOADERS}
    if entry.loader not in loaders:
        raise QuarantineError(
            f"quarantine entry {entry.id}",
            found=f"the loader {entry.loader}",
            expected=f"one of {', '.join(loaders)}",
            next_step="`stack quarantine settle` takes it off the list",
        )
    return loaders[entry.loader].put_back(entry)


def _chosen(store: Quarantine, ids: tuple[str, ...]) -> list[Entry]:
    return store.entries() if ids == ("all",) else [store.find(id_) for id_ in ids]


def _line(entry: Entry) -> str:
    count = "" if entry.records is None else f" ({entry.records:,} records)"
    next_step = f"; {entry.next_step}" if entry.next_step else ""
    table = f" for {entry.table}" if entry.table else ""
    at = entry.at.strftime("%Y-%m-%d %H:%M")
    return f"{entry.id}  {at}  " + one_line(
        f"{entry.path}{table}{count}: {entry.reason}{next_step}"
    )


def _records(store: Quarantine, entry: Entry, most: int | None = None) -> Iterator[str]:
    for record in islice(store.records(entry), most):
        where = f"{record.place}: " if record.place.startswith("record") else ""
        yield one_line(f"{where}{record.reason}: {record.content}", _RECORD_CHARACTERS)
