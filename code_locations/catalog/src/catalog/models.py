"""What dbt's manifest says about the tables: descriptions, tags, owners, keys.

Format: https://schemas.getdbt.com/dbt/manifest/v12.json
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
MODELS_OWNER = "team:analytics"
TAG_PREFIX = "dbt:"
# Tests that say what names a row; of those on several columns, the argument that lists them.
# The last is of the package dbt_utils.
NOT_NULL_TESTS = ("not_null", "primary_key")
UNIQUE_TESTS = ("unique", "primary_key")
UNIQUE_TOGETHER_TESTS = {
    "unique_together": "columns",
    "unique_combination_of_columns": "combination_of_columns",
}
TABLE_TYPES = ("model", "seed", "snapshot")


@dataclass(frozen=True)
class DbtTable:
    """A model, seed, snapshot or source of dbt, as found in the warehouse."""

    unique_id: str
    resource_type: str
    description: str
    columns: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    not_null: frozenset[str] = frozenset()
    materialized: str | None = None
    tested: bool = False

    @property
    def is_source(self) -> bool:
        """Whether dbt reads the table instead of building it."""
        return self.resource_type == "source"


def dbt_tables(manifest: Json) -> dict[tuple[str, str], DbtTable]:
    """Everything that dbt keeps in the warehouse, by schema and table name."""
    tests = _key_tests(manifest.get("nodes", {}).values())
    found = {}
    for node in (*manifest.get("sources", {}).values(), *manifest.get("nodes", {}).values()):
        resource_type = node["resource_type"]
        if resource_type not in (*TABLE_TYPES, "source"):
            continue
        config = node.get("config") or {}
        if config.get("materialized") == "ephemeral":
            continue
        found[(node["schema"], table_name(node))] = DbtTable(
            unique_id=node["unique_id"],
            resource_type=resource_type,
            description=node.get("description") or "",
            columns={
                name: column.get("description") or ""
                for name, column in (node.get("columns") or {}).items()
            },
            tags=tuple(sorted(set(node.get("tags") or ()))),
            owners=_owners(node),
            primary_key=tuple(node.get("primary_key") or ()) or tests.unique_key(node),
            not_null=tests.not_null(node),
            materialized=config.get("materialized"),
            tested=node["unique_id"] in tests.targets,
        )
    return found


def table_name(node: Json) -> str:
    """Name of a node's table in the warehouse."""
    return str(node.get("alias") or node.get("identifier") or node["name"])


def _owners(node: Json) -> tuple[str, ...]:
    """Owners as dagster-dbt understands them, then dbt's own `meta.owner`."""
    config = node.get("config") or {}
    meta = {**(config.get("meta") or {}), **(node.get("meta") or {})}
    named = (meta.get("dagster") or {}).get("owners") or meta.get("owner") or ()
    return (named,) if isinstance(named, str) else tuple(named)


@dataclass(frozen=True)
class _KeyTests:
    """What dbt's tests say of keys, by unique id of the table that they are attached to."""

    unique: dict[str, list[tuple[str, ...]]]
    required: dict[str, set[str]]
    targets: set[str]

    def unique_key(self, node: Json) -> tuple[str, ...]:
        """The shortest columns that are tested to be unique, and each to be never null."""
        required = self.required.get(node["unique_id"], set())
        keys = [k for k in self.unique.get(node["unique_id"], []) if required.issuperset(k)]
        return min(keys, key=len, default=())

    def not_null(self, node: Json) -> frozenset[str]:
        """Columns that dbt tests to be never null."""
        return frozenset(self.required.get(node["unique_id"], set()))


def _key_tests(nodes: Iterable[Json]) -> _KeyTests:
    tests = _KeyTests({}, {}, set())
    for node in nodes:
        if node["resource_type"] != "test":
            continue
        tests.targets.update((node.get("depends_on") or {}).get("nodes") or ())
        target, test = node.get("attached_node"), node.get("test_metadata") or {}
        name, column = test.get("name"), node.get("column_name")
        if not target:
            continue
        if name in NOT_NULL_TESTS and column:
            tests.required.setdefault(target, set()).add(column)
        if name in UNIQUE_TESTS and column:
            tests.unique.setdefault(target, []).append((column,))
        elif name in UNIQUE_TOGETHER_TESTS:
            columns = (test.get("kwargs") or {}).get(UNIQUE_TOGETHER_TESTS[name]) or ()
            tests.unique.setdefault(target, []).append(tuple(columns))
    return tests
