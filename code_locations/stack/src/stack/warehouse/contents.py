"""Content versions of tables and views: a view's follows from its SQL and the tables below it.

For models that are about to be built, use `transformation.state`: their SQL isn't in the warehouse
yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stack import held
from stack.digests import digest
from stack.settings import WarehouseSettings
from stack.sql_reads import Reads, Table, clock_of, tables_named
from stack.warehouse.versions import Name, Relation, content_of, relations

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The form in which DuckDB writes names, whoever created the view.
_NAME = r'(?:"(?:[^"]|"")*"|\w+)'
_CREATE_VIEW = re.compile(rf"CREATE VIEW {_NAME}(?:\.{_NAME})*\s*(?:\([^)]*\))? AS ")


@dataclass(frozen=True)
class Contents:
    """The contents of the warehouse's tables and views at one moment."""

    connection: DuckDBPyConnection
    settings: WarehouseSettings
    relations: Mapping[Name, Relation]
    _names: dict[Name, Name] = field(default_factory=dict)
    _told: dict[Name, str | None] = field(default_factory=dict)
    _read: dict[Name, str] = field(default_factory=dict)

    @classmethod
    def now(
        cls,
        connection: DuckDBPyConnection,
        settings: WarehouseSettings,
        names: Iterable[Name] | None = None,
    ) -> Contents:
        """Those of the named tables and views, or of all."""
        found = relations(connection, settings, names)
        return cls(connection, settings, found, {(s.lower(), t.lower()): (s, t) for s, t in found})

    def named(self, table: Table) -> Name | None:
        """The relation that a query means by this name; None if there is none or it is unclear."""
        database, schema, name = table
        ours = ("", self.settings.database.lower())
        return self._names.get((schema, name)) if database in ours else None

    def told(self, name: Name) -> str | None:
        """A version of the rows; None if unknown, as for a view that reads a file."""
        relation = self.relations.get(name)
        if relation is None or relation.sql is None:
            return relation.version if relation else None
        if name not in self._told:
            self._told[name] = None  # stops at a view that reads itself through another
            self._told[name] = self._of_view(relation, relation.sql)
        return self._told[name]

    def read(self, name: Name) -> str | None:
        """As `told`, but reads the rows of a view if there is no other way."""
        found = self.told(name)
        relation = self.relations.get(name)
        if found is not None or relation is None or not relation.is_view:
            return found
        if name not in self._read:
            self._read[name] = digest(relation.version, content_of(self.connection, name))
        return self._read[name]

    def _of_view(self, relation: Relation, sql: str) -> str | None:
        query = _CREATE_VIEW.sub("", sql, count=1)
        named, clock = tables_named(query.rstrip("; \n")), clock_of(sql)
        if named is None or clock is Reads.UNTOLD:
            return None
        below = [self.named(table) for table in sorted(named)]
        contents = [self.told(each) if each else None for each in below]
        if None in contents:
            return None
        return digest(relation.version, contents, held.today() if clock is Reads.DATE else None)
