"""`stack sample-data`: writes sample books, on first use."""

from __future__ import annotations

from collections.abc import Mapping

import click

from ingestion.sample_data.exports import DEFAULT_SIZE, write_sample_data
from ingestion.sample_data.upload import upload_sample_data
from ingestion.settings import BooksSettings
from stack.settings import load_settings


@click.command()
@click.option("--size", default=DEFAULT_SIZE, show_default=True, help="Time entries.")
@click.option("--to", metavar="URL", help="A folder such as s3://bucket/exports/books.")
def sample_data(size: int, to: str | None) -> None:
    """Write three years of a freelancer's books as exports, unless there are some."""
    settings = load_settings(BooksSettings)
    if to is None and settings.books_url is not None:
        click.echo(f"BOOKS_URL is {settings.books_url}: no sample data written")
        return
    try:
        if to is not None:
            rows = upload_sample_data(to, size)
        else:
            rows = write_sample_data(settings.default_folder, size)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(_outcome(to or str(settings.default_folder), rows))


def _outcome(target: str, rows: Mapping[str, int] | None) -> str:
    if rows is None:
        return f"{target} has exports already: left as they are (remove the folder for new ones)"
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows.items())
    return f"{target}: {counts}"
