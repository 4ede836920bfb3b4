"""A warehouse table with everything known about it: declaration, load, dbt, contents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.inputs import Inputs, Load
from catalog.inventory import TableFacts
from stack.dbt_artifacts import Manifest, Node
from stack.raw import RawTable

MODELS_OWNER = "team:analytics"
TAG_PREFIX = "dbt:"
# Tests that identify a row, and for those over several columns the argument that lists them. The
# last one is from the package dbt_utils.
NOT_NULL_TESTS = ("not_null", "primary_key")
UNIQUE_TESTS = ("unique", "primary_key")
UNIQUE_TOGETHER_TESTS = {
    "unique_together": "columns",
    "unique_combination_of_columns": "combination_of_columns",
}


@dataclass(frozen=True)
class DbtTable:
    """A model, seed, snapshot or source of dbt, and what its tests say about its columns."""

    node: Node
    primary_key: tuple[str, ...] = ()
    not_null: frozenset[str] = frozenset()
    tested: bool = False

    @property
    def owners(self) -> tuple[str, ...]:
        """Owners as dagster-dbt understands them, then dbt's own `meta.owner`."""
        meta = {**self.node.config.meta, **self.node.meta}
        named = (meta.get("dagster") or {}).get("owners") or meta.get("owner") or ()
        return (named,) if isinstance(named, str) else tuple(named)


def dbt_tables(manifest: Manifest) -> dict[tuple[str, str], DbtTable]:
    """Everything that dbt keeps in the warehouse, by schema and table name.

    A key is the smallest set of columns tested to be unique, each also tested to be never null.
    """
    unique: dict[str, list[tuple[str, ...]]] = {}
    required: dict[str, set[str]] = {}
    targets: set[str] = set()
    for test in manifest.tests:
        targets.update(test.depends_on.nodes)
        target, generic, column = test.attached_node, test.test_metadata, test.column_name
        if not target or not generic:
            continue
        if generic.name in NOT_NULL_TESTS and column:
            required.setdefault(target, set()).add(column)
        if generic.name in UNIQUE_TESTS and column:
            unique.setdefault(target, []).append((column,))
        elif generic.name in UNIQUE_TOGETHER_TESTS:
            columns = generic.kwargs.get(UNIQUE_TOGETHER_TESTS[generic.name]) or ()
            unique.setdefault(target, []).append(tuple(columns))

    def described(node: Node) -> DbtTable:
        not_null = frozenset(required.get(node.unique_id, ()))
        keys = [key for key in unique.get(node.unique_id, ()) if not_null.issuperset(key)]
        key = node.primary_key or min(keys, key=len, default=())
        return DbtTable(node, key, not_null, node.unique_id in targets)

    return {
        (node.schema_name, node.table): described(node)
        for node in manifest.tables.values()
        if node.materialized != "ephemeral"
    }


@dataclass(frozen=True)
class CatalogTable:
    """One table or view, described.

    `raw` is the raw table's declaration, from the registry or from its loader's report; a table of
    the raw schema that nothing loads has none. `dbt` is what dbt's manifest says.
    """

    facts: TableFacts
    is_raw: bool = False
    raw: RawTable | None = None
    dbt: DbtTable | None = None
    load: Load | None = None

    @property
    def asset_path(self) -> tuple[str, str]:
        """Path of its Dagster asset key, which for a raw table doesn't depend on the schema."""
        return ("raw" if self.is_raw else self.facts.schema, self.facts.name)

    @property
    def loader(self) -> str | None:
        """The asset that loads it."""
        return self.raw.loader if self.raw else None

    @property
    def connector(self) -> str | None:
        """What the loader reads it with, if it says so."""
        return self.load.connector if self.load else None

    @property
    def description(self) -> str:
        """The declaration's description, else dbt's, else where the table comes from."""
        declared = self.raw.description if self.raw else ""
        modelled = self.dbt.node.description if self.dbt else ""
        by = self.connector or self.loader
        return declared or modelled or (f"Loaded by {by}." if by else "")

    @property
    def owners(self) -> tuple[str, ...]:
        """The table's owners: dbt's, else the raw table's, else the analytics team."""
        if self.dbt and self.dbt.owners:
            return self.dbt.owners
        return (self.raw.owner,) if self.raw else (MODELS_OWNER,)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns that identify a row, as far as they exist in the table."""
        key = self.raw.primary_key if self.raw else self.dbt.primary_key if self.dbt else ()
        names = {column.name for column in self.facts.columns}
        return tuple(column for column in key if column in names)

    @property
    def layer(self) -> str:
        """raw, staging, intermediate or marts."""
        return "raw" if self.is_raw else self.facts.schema

    def column_description(self, name: str) -> str:
        """The declaration's description of a column, else dbt's; empty if neither has one."""
        declared = {c.name: c.description for c in self.raw.columns} if self.raw else {}
        described = self.dbt.node.columns if self.dbt else {}
        return declared.get(name) or described.get(name) or ""

    def never_null(self, name: str) -> bool:
        """Whether a column is declared, keyed or tested to have a value in every row."""
        column = next(c for c in self.facts.columns if c.name == name)
        tested = self.dbt is not None and name in self.dbt.not_null
        return tested or not column.nullable or name in self.primary_key


def describe(
    inventory: Iterable[TableFacts], inputs: Inputs, raw_schema: str
) -> tuple[CatalogTable, ...]:
    """Join what the warehouse has with what is declared and reported about it."""
    raw, modelled = inputs.raw_tables, dbt_tables(inputs.manifest)

    def one(facts: TableFacts) -> CatalogTable:
        dbt = modelled.get(facts.key)
        if facts.schema != raw_schema:
            return CatalogTable(facts, dbt=dbt)
        return CatalogTable(
            facts, is_raw=True, raw=raw.get(facts.name), dbt=dbt, load=inputs.loads.get(facts.name)
        )

    return tuple(one(facts) for facts in inventory)
