"""`stack quarantine`: what is set aside, and putting it back."""

from __future__ import annotations

import json

import click

from ingestion.quarantine import Entry, Quarantine, QuarantineError
from ingestion.settings import QuarantineSettings
from stack.settings import load_settings


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
    entries = _open().entries(loaders or None)
    if as_json:
        click.echo(json.dumps([e.model_dump(mode="json") for e in entries], ensure_ascii=False))
        return
    for entry in entries:
        click.echo(_line(entry))
    if not entries:
        click.echo("Nothing is set aside.")


@quarantine.command("put-back")
@click.argument("ids", nargs=-1, required=True)
def put_back(ids: tuple[str, ...]) -> None:
    """Let the next load take entries again, by the beginning of their ids, or `all`."""
    from ingestion.registry import LOADERS

    store = _open()
    loaders = {loader.name: loader for loader in LOADERS}
    for entry in _chosen(store, ids):
        if entry.loader not in loaders:
            raise QuarantineError(
                f"quarantine entry {entry.id}",
                found=f"the loader {entry.loader}",
                expected=f"one of {', '.join(loaders)}",
                next_step="`stack quarantine settle` takes it off the list",
            )
        click.echo(loaders[entry.loader].put_back(entry))
        store.settle(entry)


@quarantine.command()
@click.argument("ids", nargs=-1, required=True)
def settle(ids: tuple[str, ...]) -> None:
    """Take entries off the list without loading them; what is kept of them stays."""
    store = _open()
    for entry in _chosen(store, ids):
        store.settle(entry)
        click.echo(f"{entry.path} is settled; what is kept of it stays at {entry.place}")


def _chosen(store: Quarantine, ids: tuple[str, ...]) -> list[Entry]:
    return store.entries() if ids == ("all",) else [store.find(id_) for id_ in ids]


def _line(entry: Entry) -> str:
    count = "" if entry.records is None else f" ({entry.records:,} records)"
    next_step = f"; {entry.next_step}" if entry.next_step else ""
    return f"{entry.id}  {entry.path}{count}: {entry.reason}{next_step}"
