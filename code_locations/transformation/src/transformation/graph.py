"""The dbt project as Dagster shows it: tables in build order, tests with names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from stack.dbt_artifacts import Manifest, Node


@dataclass(frozen=True)
class DataTest:
    """A data test; `table` is the unique id of the model or source that it is about."""

    unique_id: str
    check_name: str
    table: str
    description: str
    severity: str


@dataclass(frozen=True)
class Graph:
    """Models and sources, each after its parents, and data tests, by unique id."""

    tables: Mapping[str, Node]
    tests: Mapping[str, DataTest]

    @property
    def models(self) -> tuple[Node, ...]:
        """Models in an order in which each comes after its parents."""
        return tuple(table for table in self.tables.values() if not table.is_source)

    @property
    def leaves(self) -> tuple[Node, ...]:
        """Models that no other model selects from."""
        parents = {parent for table in self.tables.values() for parent in table.parents}
        return tuple(model for model in self.models if model.unique_id not in parents)


def graph_of(manifest: Manifest) -> Graph:
    """Tables and data tests of a manifest."""
    tables = dict(sorted(manifest.sources.items()))
    models = {
        model.unique_id: model for model in sorted(manifest.models, key=lambda m: m.unique_id)
    }
    while models:
        ready = [uid for uid, model in models.items() if not models.keys() & model.parents]
        tables |= {uid: models.pop(uid) for uid in ready}
    tests = [test for test in manifest.tests if test.tested in tables]
    return Graph(tables, _data_tests(sorted(tests, key=lambda t: t.unique_id), tables))


def _data_tests(nodes: list[Node], tables: Mapping[str, Node]) -> dict[str, DataTest]:
    """Tests with names that are short and unique on their table."""
    short = [(node.tested, _short_name(node, tables[str(node.tested)])) for node in nodes]
    return {
        node.unique_id: DataTest(
            unique_id=node.unique_id,
            check_name=named[1] if short.count(named) == 1 else _slug(node.name),
            table=str(node.tested),
            description=_describe(node),
            severity=node.config.severity.lower(),
        )
        for node, named in zip(nodes, short, strict=True)
    }


def _short_name(test: Node, table: Node) -> str:
    """dbt's name of the test without the table's, which the check's asset already has."""
    if test.test_metadata is None:
        return _slug(test.name)
    name = test.name
    source_table = table.unique_id.split(".")[-2:] if table.is_source else [table.table]
    for part in ("_".join(source_table), table.table):
        name = name.replace(f"_{part}_", "_").removesuffix(f"_{part}")
    return _slug(name.removeprefix("source_"))


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _describe(test: Node) -> str:
    generic = test.test_metadata
    if test.description or generic is None:
        return test.description
    arguments = {k: v for k, v in generic.kwargs.items() if k not in {"model", "column_name"}}
    given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    column = f" of {test.column_name}" if test.column_name else ""
    return f"{generic.name}{column}{f' ({given})' if given else ''}"
