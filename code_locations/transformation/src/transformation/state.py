"""The project's tables at one moment: their contents, and what they are built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stack.digests import digest
from stack.settings import WarehouseSettings
from stack.warehouse.versions import Name, Relation, relations
from transformation.fingerprints import Definitions
from transformation.graph import Graph

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEW, EPHEMERAL = "view", "ephemeral"
VIRTUAL = (VIEW, EPHEMERAL)


def state_of(
    graph: Graph,
    definitions: Definitions,
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
) -> State:
    """The current state of a graph's tables."""
    names = [(table.schema_name, table.table) for table in graph.tables.values()]
    return State(graph, definitions, relations(connection, settings, names))


@dataclass(frozen=True)
class State:
    """The relations that exist, and the definitions that they should be built from."""

    graph: Graph
    definitions: Definitions
    relations: Mapping[Name, Relation]
    _contents: dict[str, str | None] = field(default_factory=dict)

    def relation(self, uid: str) -> Relation | None:
        """The warehouse's relation for a model or source."""
        table = self.graph.tables[uid]
        return self.relations.get((table.schema_name, table.table))

    def content(self, uid: str) -> str | None:
        """A version of a table's rows, or of those that a view shows; None if unknown."""
        if uid not in self._contents:
            self._contents[uid] = self._content(uid)
        return self._contents[uid]

    def _content(self, uid: str) -> str | None:
        table = self.graph.tables.get(uid)
        if table is None:  # a seed or a snapshot, which the stack doesn't run
            return None
        if table.materialized not in VIRTUAL:
            relation = self.relation(uid)
            if relation is None:
                return "none" if table.is_source else None
            return f"{relation.version}" if relation.version and not relation.is_view else None
        parents = [self.content(parent) for parent in table.parents]
        definition, sql = self.definitions.digest(uid), "none"
        if table.materialized == VIEW:  # as it is: somebody may have edited it by hand
            relation = self.relation(uid)
            sql = (relation.version if relation and relation.is_view else None) or ""
        if not definition or not sql or None in parents:
            return None
        return digest(definition, sql, parents)

    def fingerprint(self, uid: str) -> str | None:
        """A fingerprint of everything that a model's relation depends on; None if unknown."""
        table = self.graph.tables[uid]
        definition = self.definitions.digest(uid)
        of_parent = self.columns if table.materialized in VIRTUAL else self.content
        parents = [of_parent(parent) for parent in table.parents]
        if definition is None or None in parents:
            return None
        return digest(definition, parents)

    def columns(self, uid: str) -> str | None:
        """The columns of a table or view."""
        table = self.graph.tables.get(uid)
        if table is None:
            return None
        if table.materialized == EPHEMERAL:
            return self.fingerprint(uid)
        relation = self.relation(uid)
        return relation.columns if relation else "none"

    def test_fingerprint(self, uid: str) -> str | None:
        """A fingerprint of everything that a test's result depends on; None if unknown."""
        parents = [self.content(parent) for parent in self.definitions.parents(uid)]
        definition = self.definitions.digest(uid)
        if definition is None or None in parents:
            return None
        return digest(definition, parents)
