"""The project's tables at one moment: what each has, and what it follows from."""

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
    """The state now of the tables of a graph."""
    names = [(table.schema_name, table.table) for table in graph.tables.values()]
    return State(graph, definitions, relations(connection, settings, names))


@dataclass(frozen=True)
class State:
    """The relations that exist, and the definitions that they are to follow from."""

    graph: Graph
    definitions: Definitions
    relations: Mapping[Name, Relation]
    _contents: dict[str, str | None] = field(default_factory=dict)

    def relation(self, uid: str) -> Relation | None:
        """What the warehouse has of a model or source."""
        table = self.graph.tables[uid]
        return self.relations.get((table.schema_name, table.table))

    def content(self, uid: str) -> str | None:
        """What a table has, or what a view shows; None if that can't be told."""
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
        if table.materialized == VIEW:  # as it is, which a hand may have edited
            relation = self.relation(uid)
            sql = (relation.version if relation and relation.is_view else None) or ""
        if not definition or not sql or None in parents:
            return None
        return digest(definition, sql, parents)

    def fingerprint(self, uid: str) -> str | None:
        """What a model's relation follows from; None if that can't be told."""
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
        """What a test's finding follows from; None if that can't be told."""
        parents = [self.content(parent) for parent in self.definitions.parents(uid)]
        definition = self.definitions.digest(uid)
        if definition is None or None in parents:
            return None
        return digest(definition, parents)
