"""`python -m ingestion.sample_data [--size N]`: writes the sample books, on first use."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ingestion.sample_data.exports import DEFAULT_SIZE, write_sample_data
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
    size = parser.parse_args(arguments).size
    settings = load_settings(BooksSettings)
    if settings.books_url is not None:
        print(f"BOOKS_URL is {settings.books_url}: no sample data written")
        return 0
    folder = settings.default_folder
    try:
        rows = write_sample_data(folder, size)
    except ValueError as error:
        parser.error(str(error))
    if rows is None:
        print(f"{folder} has exports already: left as they are (remove the folder for new ones)")
    else:
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows.items())
        print(f"{folder}: {counts}")
    return 0
