"""What people check against what they know, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ingestion.connect.proposal import Proposal
from ingestion.connect.relations import Relation
from ingestion.connect.writing import currency_line


def show(proposal: Proposal, related: Sequence[Relation]) -> None:
    """Print a proposal with its evidence, and the totals over its files."""
    if proposal.layout is not None:
        click.echo(f"{proposal.table}: {proposal.layout.title}; a layout knows these files")
    else:
        key = ", ".join(proposal.key.columns) or "none"
        click.echo(f"files_{proposal.table}: key {key}; {proposal.key.evidence}")
    for read in sorted(proposal.files, key=lambda read: read.file):
        click.echo(f"{read.file}: {'; '.join(read.profile.reading())}")
        click.echo("".join(f"  {line}\n" for line in read.profile.troubles()), nl=False)
    for column in proposal.columns:
        click.echo(column.line())
    if proposal.layout is None:
        if money := currency_line(proposal):
            click.echo(f"currency: {money}")
        click.echo("".join(f"relation: {relation.line}\n" for relation in related), nl=False)
    net = proposal.mapping.columns.get("net") if "invoices" in proposal.feeds else None
    if any(c.name == net and str(c.first).startswith("-") for c in proposal.columns):
        click.echo("rows with a negative amount are no invoices: they stay out of the books")
    fills = ", ".join(proposal.feeds) or "none of the books' tables"
    files = len(proposal.files)
    told = f"{proposal.rows:,} rows in {files} {'file' if files == 1 else 'files'}"
    if proposal.kept < proposal.rows:
        told += f", {proposal.kept:,} without those that several files have"
    click.echo(f"{told}; they fill {fills}")
    if proposal.feeds and proposal.layout is None:
        for fact, name in proposal.mapping.columns.items():
            click.echo(f"  {fact}: {name}")
