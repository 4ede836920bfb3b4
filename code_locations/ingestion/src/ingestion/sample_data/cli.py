"""`python -m ingestion.sample_data [--size N] [--to URL]`: writes sample books, on first use."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from ingestion.sample_data.exports import DEFAULT_SIZE, write_sample_data
from ingestion.sample_data.upload import upload_sample_data
from ingestion.settings import BooksSettings
from stack.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the exports unless there are some; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m ingestion.sample_data",
        description="Write three years of a freelancer's books as exports, on first use.",
    )
    parser.add_argument(
        "--size", type=int, default=DEFAULT_SIZE, help="time entries (default: %(default)s)"
    )
    parser.add_argument(
        "--to", metavar="URL", help="fsspec URL of a folder such as s3://bucket/exports/books"
    )
    given = parser.parse_args(arguments)
    settings = load_settings(BooksSettings)
    if given.to is None and settings.books_url is not None:
        print(f"BOOKS_URL is {settings.books_url}: no sample data written")
        return 0
    target = given.to or str(settings.default_folder)
    try:
        if given.to is not None:
            rows = upload_sample_data(given.to, given.size)
        else:
            rows = write_sample_data(settings.default_folder, given.size)
    except ValueError as error:
        parser.error(str(error))
    print(_outcome(target, rows))
    return 0


def _outcome(target: str, rows: Mapping[str, int] | None) -> str:
    if rows is None:
        return f"{target} has exports already: left as they are (remove the folder for new ones)"
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows.items())
    return f"{target}: {counts}"
