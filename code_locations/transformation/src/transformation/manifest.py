"""Reads dbt's manifest: models, tests and what they depend on, as plain values.

Format: https://schemas.getdbt.com/dbt/manifest/v12/index.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column as the project describes it."""

    name: str
    description: str


@dataclass(frozen=True)
class Table:
    """A model, or a source's table. `parents` are unique ids of tables it selects from."""

    unique_id: str
    schema: str
    name: str
    description: str
    materialized: str
    columns: tuple[Column, ...]
    parents: tuple[str, ...]
    file: str

    @property
    def is_source(self) -> bool:
        """Whether ingestion loads it."""
        return self.unique_id.startswith("source.")

    @property
    def asset_path(self) -> tuple[str, str]:
        """Path of its Dagster asset key: a raw table's is the same whatever its schema."""
        return ("raw" if self.is_source else self.schema, self.name)


@dataclass(frozen=True)
class DataTest:
    """A data test; `table` is the unique id of the model or source that it is about."""

    unique_id: str
    check_name: str
    table: str
    description: str
    severity: str


@dataclass(frozen=True)
class Manifest:
    """The tables and data tests of a project, by unique id."""

    tables: Mapping[str, Table]
    tests: Mapping[str, DataTest]

    @property
    def models(self) -> tuple[Table, ...]:
        """Models in an order in which each follows its parents."""
        return tuple(table for table in self.tables.values() if not table.is_source)

    @property
    def leaves(self) -> tuple[Table, ...]:
        """Models that no other model selects from."""
        parents = {parent for table in self.tables.values() for parent in table.parents}
        return tuple(model for model in self.models if model.unique_id not in parents)


def read_manifest(manifest: Mapping[str, Any]) -> Manifest:
    """Tables and data tests of a manifest.json; dbt's unit tests are not among them."""
    tables = {uid: _source(uid, node) for uid, node in sorted(manifest["sources"].items())}
    nodes = manifest["nodes"]
    models = {uid: n for uid, n in sorted(nodes.items()) if n["resource_type"] == "model"}
    while models:
        ready = [u for u, n in models.items() if not _parents(n) & models.keys()]
        tables |= {uid: _model(uid, models.pop(uid)) for uid in ready}
    tests = {
        uid: node
        for uid, node in sorted(nodes.items())
        if node["resource_type"] == "test" and _tested(node) in tables
    }
    return Manifest(tables=tables, tests=_data_tests(tests, tables))


def _parents(node: Mapping[str, Any]) -> set[str]:
    return {p for p in node["depends_on"]["nodes"] if p.startswith(("model.", "source."))}


def _source(unique_id: str, node: Mapping[str, Any]) -> Table:
    return Table(
        unique_id=unique_id,
        schema=node["schema"],
        name=node["identifier"],
        description=node["description"],
        materialized="source",
        columns=_columns(node),
        parents=(),
        file=node["original_file_path"],
    )


def _model(unique_id: str, node: Mapping[str, Any]) -> Table:
    return Table(
        unique_id=unique_id,
        schema=node["schema"],
        name=node["alias"],
        description=node["description"],
        materialized=node["config"]["materialized"],
        columns=_columns(node),
        parents=tuple(sorted(_parents(node))),
        file=node["original_file_path"],
    )


def _columns(node: Mapping[str, Any]) -> tuple[Column, ...]:
    return tuple(Column(c["name"], c["description"]) for c in node["columns"].values())


def _tested(node: Mapping[str, Any]) -> str | None:
    """What a test is about: dbt says so of a generic test; else the last model that it reads."""
    attached: str | None = node.get("attached_node")
    if attached is None and (node.get("sources") and not node.get("refs")):
        attached = next(iter(node["depends_on"]["nodes"]), None)
    if attached is None and node["depends_on"]["nodes"]:
        attached = str(node["depends_on"]["nodes"][-1])
    return attached


def _data_tests(
    nodes: Mapping[str, Mapping[str, Any]], tables: Mapping[str, Table]
) -> dict[str, DataTest]:
    """Tests with names that are short and unique on their table."""
    short = {uid: _short_name(node, tables[str(_tested(node))]) for uid, node in nodes.items()}
    taken = [(_tested(node), short[uid]) for uid, node in nodes.items()]
    return {
        uid: DataTest(
            unique_id=uid,
            check_name=short[uid] if taken.count((_tested(node), short[uid])) == 1 else _slug(node),
            table=str(_tested(node)),
            description=_describe(node),
            severity=node["config"]["severity"].lower(),
        )
        for uid, node in nodes.items()
    }


def _short_name(node: Mapping[str, Any], table: Table) -> str:
    """dbt's name of the test without the table's, which the check's asset says already."""
    if node.get("test_metadata") is None:
        return _slug(node)
    name = str(node["name"])
    source_table = table.unique_id.split(".")[-2:] if table.is_source else [table.name]
    for part in ("_".join(source_table), table.name):
        name = name.replace(f"_{part}_", "_").removesuffix(f"_{part}")
    return re.sub(r"[^A-Za-z0-9_]", "_", name.removeprefix("source_"))


def _slug(node: Mapping[str, Any]) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", node["name"])


def _describe(node: Mapping[str, Any]) -> str:
    metadata = node.get("test_metadata")
    if node["description"] or metadata is None:
        return str(node["description"])
    arguments = {k: v for k, v in metadata["kwargs"].items() if k not in {"model", "column_name"}}
    given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    column = f" of {node['column_name']}" if node.get("column_name") else ""
    return f"{metadata['name']}{column}{f' ({given})' if given else ''}"
