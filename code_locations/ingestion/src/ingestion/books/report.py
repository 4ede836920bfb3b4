"""What a run did with the books' exports."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion.loading import LoadReport

SOURCE = "books"


@dataclass(frozen=True)
class SchemaChange:
    """A column that a raw table got because an export has it."""

    table: str
    column: str
    type: str
    file: str


@dataclass
class BooksReport:
    """What a run found and loaded.

    `quarantined` gives the reason by path for every export that isn't loaded, also those
    found in earlier runs; `files` the paths loaded now by table, and `duplicates` the rows
    left out of them; `not_rebuilt` the reason by table whose days were left as they are.
    """

    load: LoadReport = field(default_factory=LoadReport)
    files: dict[str, list[str]] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    schema_changes: list[SchemaChange] = field(default_factory=list)
    unchanged: int = 0
    not_rebuilt: dict[str, str] = field(default_factory=dict)
    duration_s: float = 0.0
