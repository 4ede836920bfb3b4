"""Exports of books for tests, and what the warehouse makes of them."""

from pathlib import Path

from ingestion.books import BooksLoader
from ingestion.loaders import Scope
from stack.partitions import Days
from stack.raw import raw_table
from support.dropped import Dropped
from support.reports import Told

CLIENTS_HEADER = "client_id,name,country,currency,payment_terms_days,created_on,updated_at\n"


def load_books(*, days: Days | None = None) -> Told:
    """Load what is new in the books, or these days."""
    return Told(BooksLoader().load(Scope(days=days)))


class Exports(Dropped):
    """Exports below STACK_HOME, and what the warehouse makes of them."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "exports" / "books"
        self.folder.mkdir(parents=True)
        self.quarantine = home / "quarantine" / "books"

    def clients(self, name: str, *rows: str) -> Path:
        """Write a CSV of clients; a row is `id,name,updated_at`."""
        lines = []
        for row in rows:
            number, client, updated = row.split(",")
            lines.append(f"{number},{client},DE,EUR,30,2024-01-01,{updated}\n")
        return self.write(name, CLIENTS_HEADER + "".join(lines))

    def load(self) -> Told:
        return load_books()

    def types(self, table: str) -> dict[str, str]:
        name = raw_table("books", table).table_name
        return {row[0]: row[1] for row in self.rows(f"describe {name}")}
