"""Writes what was agreed, and loads the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ingestion.connect.placing import check_declared, place, same_yaml
from ingestion.connect.proposal import Proposal
from ingestion.connect.questions import ConnectError
from ingestion.connect.relations import Relation
from ingestion.connect.writing import RAW, declaration, raw_with
from ingestion.connect.writing import models as models_of
from ingestion.settings import IncomingSettings


def check_inbox(files: Sequence[Path], settings: IncomingSettings) -> None:
    """Raise ConnectError if files can't be dropped into the inbox."""
    if "://" in settings.incoming:
        raise ConnectError(
            f"INCOMING_URL {settings.incoming}",
            expected="a folder of this machine",
            next_step="run it where files arrive in a folder, and keep what it writes",
        )
    inbox = Path(settings.incoming).resolve()
    if inside := [file for file in files if file.resolve().is_relative_to(inbox)]:
        raise ConnectError(
            str(inside[0]),
            found="a file of the inbox, which is loaded and moved as it is",
            expected="one that waits elsewhere",
            next_step="move it to another folder, and connect it there",
        )


def what_to_write(
    found: Sequence[Proposal],
    related: Mapping[str, Sequence[Relation]],
    folder: Path,
    *,
    root: Path | None,
    anew: bool,
) -> dict[Path, str]:
    """The texts to write, by path; `root` is the checkout that gets models.

    Files of a table with the same declaration stay as they are. Raises ConnectError for another
    declaration, unless it is written `anew`.
    """
    texts: dict[Path, str] = {}
    new = [proposal for proposal in found if proposal.layout is None]
    for proposal in new:
        check_declared(proposal, folder)
        own = related.get(proposal.table, ())
        place_, text = folder / f"{proposal.table}.yml", declaration(proposal, own)
        same = place_.exists() and same_yaml(place_.read_text("utf-8"), text)
        wanted = {} if same else {place_: text}
        wanted |= {root / p: t for p, t in models_of(proposal, own).items()} if root else {}
        for path, content in wanted.items():
            there = path.read_text("utf-8") if path.exists() else None
            if there is not None and there != content and not same and not anew:
                raise ConnectError(
                    str(path),
                    found="another declaration of this name",
                    expected="none yet, or what would be written now",
                    next_step=f"drop the files into the inbox's folder {proposal.table}, say "
                    "another --table, or --replace to write it anew",
                )
            if there is None or (there != content and anew):
                texts[path] = content
    if root is not None and new:
        place_ = root / RAW
        before = place_.read_text("utf-8") if place_.exists() else ""
        after = raw_with(before, new, anew=anew)
        if after != before:
            texts[place_] = after
    return texts


def load(texts: Mapping[Path, str], found: Sequence[Proposal], settings: IncomingSettings) -> None:
    """Write the texts and load the files: all of it or nothing."""
    from ingestion.incoming.inbox import Inbox
    from ingestion.incoming.loader import FilesLoader

    inbox = Path(settings.incoming)
    dropped = place(texts, found, inbox)
    for path in texts:
        click.echo(f"wrote {path}")
    versions = {file.path: file.version for file in Inbox.open(settings).files()}
    ours = {str(path.relative_to(inbox)) for path in dropped}
    report = FilesLoader().load_batch({p: v for p, v in versions.items() if p in ours})
    for done in report.inputs:
        told = f": {done.reason}" if done.reason else ""
        click.echo(f"{done.name}: {done.outcome.replace('_', ' ')}, {done.loaded:,} rows{told}")
        for broken in done.breaks:
            click.echo(f"  {broken}")
    if report.failures or any(done.set_aside for done in report.inputs if done.outcome != "loaded"):
        raise ConnectError("stack connect", found="files that could not be loaded; see above")
    click.echo("Compare the totals above with what you know. Then: make run")
