"""`stack profile`: how files would be read, before they are loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ingestion.files.errors import UnreadableFileError
from stack.settings import WarehouseSettings, load_settings

if TYPE_CHECKING:
    from ingestion.files.profile import Known


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="Print an object a file, a line each.")
@click.pass_context
def profile(context: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Say what files are and how they would be read: columns, types, and why."""
    from ingestion.files.profile import profile as profile_of
    from stack.warehouse.connection import in_memory

    refused = False
    with in_memory(load_settings(WarehouseSettings)) as connection:
        for file in files:
            try:
                found = profile_of(connection, file, known=_layout_of)
            except UnreadableFileError as error:
                refused = True
                told = json.dumps({"file": str(file), "refused": str(error)}, ensure_ascii=False)
                click.echo(told if as_json else f"{file}: refused: {error}")
                continue
            if as_json:
                content = {"file": str(file), **found.as_json()}
                click.echo(json.dumps(content, ensure_ascii=False, default=str))
            else:
                click.echo("\n".join((f"{file}", *found.lines())))
    context.exit(1 if refused else 0)


def _layout_of(header: Sequence[str]) -> Known | None:
    """The known layout of a header, as a load finds it."""
    from ingestion.files.profile import Known
    from ingestion.layouts import recognise

    layout = recognise(header)
    return Known(layout.title, layout.rules_for(tuple(header))) if layout else None
