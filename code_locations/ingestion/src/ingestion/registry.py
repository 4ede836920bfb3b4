"""All loaders of the stack. A new one is a module and a line here."""

from __future__ import annotations

from ingestion.airbyte.loader import AirbyteLoader
from ingestion.books import BooksLoader
from ingestion.incoming.loader import FilesLoader
from ingestion.loaders import Loader
from ingestion.sources.loader import SourcesLoader

LOADERS: tuple[Loader, ...] = (
    AirbyteLoader(),
    BooksLoader(),
    SourcesLoader(),
    FilesLoader(),
)


def loaders_of(asset: str) -> list[Loader]:
    """The loaders that an asset runs."""
    return [loader for loader in LOADERS if loader.asset == asset]
