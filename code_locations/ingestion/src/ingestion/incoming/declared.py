"""What people declare about arrived files: how to read them, their key, their table's contract.

One YAML file each in the folder FILES_DIR; docs/files.md has an example.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, model_validator

from ingestion.files.rules import NOTHING_DECLARED, ColumnKind, ReadingRules
from ingestion.files.table_rows import ROW_KEY
from ingestion.layouts import Feed
from stack.declarations import Declaration, load_folder

PREFIX = "files_"


class FileRules(Declaration):
    """Rules for the files of some tables (`orders` or `files_orders`), or below some paths.

    `files` are patterns of paths below the inbox, such as `bank/*.csv`. `feeds` is as in a layout.
    With `full_export` each file has all rows of its table: those that it lacks are marked in
    `_removed_at`.
    """

    name: str
    tables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    read: ReadingRules = Field(default=NOTHING_DECLARED)
    feeds: dict[str, Feed] = Field(default_factory=dict)
    full_export: bool = False

    @model_validator(mode="after")
    def _is_for_something(self) -> FileRules:
        if self.full_export and not self.tables:
            raise ValueError("full_export belongs to a table: name the tables, too")
        if not self.tables and not self.files:
            raise ValueError("name the tables or the files that it is for")
        if self.files and not self.tables and self.read.key:
            raise ValueError("a key belongs to a table: name the tables, too")
        return self

    @property
    def tool(self) -> str:
        """The tool whose entries and invoices they feed."""
        return self.name

    def known(self) -> dict[str, ColumnKind]:
        """Empty: columns in `feeds` have their own names."""
        return {}

    def is_for_table(self, table: str) -> bool:
        """Whether the rules name this table."""
        return table.removeprefix(PREFIX) in {name.removeprefix(PREFIX) for name in self.tables}

    def is_for(self, path: str, table: str) -> bool:
        """Whether the rules apply to a file of this table."""
        by_table = self.is_for_table(table)
        by_path = any(fnmatchcase(path, pattern) for pattern in self.files)
        return (
            by_path if self.files and not self.tables else by_table and (by_path or not self.files)
        )


@dataclass(frozen=True)
class Declared:
    """All rules, in the order of their files; the first that applies to a file wins."""

    rules: tuple[FileRules, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Declared:
        """The rules in a folder, none if it doesn't exist. Raises DeclarationError."""
        return cls(load_folder(folder, FileRules))

    def of(self, path: str, table: str) -> FileRules | None:
        """The rules for a file."""
        return next((rules for rules in self.rules if rules.is_for(path, table)), None)

    def key(self, table: str) -> tuple[str, ...]:
        """A table's primary key; if it is empty, rows are appended."""
        keys: Iterable[tuple[str, ...]] = (
            (ROW_KEY,) if rules.read.occurrence else rules.read.key
            for rules in self.rules
            if rules.is_for_table(table)
        )
        return next((key for key in keys if key), ())

    def full_export(self, table: str) -> bool:
        """Whether each file of a table has all its rows."""
        return any(rules.full_export and rules.is_for_table(table) for rules in self.rules)
