"""A small project and a stand-in for dbt, which renders its SQL with Jinja and executes it here.

`current_date` becomes the day in `hidden.clock`, so that views see it when they are read.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
import jinja2

from stack.dbt_artifacts import Manifest
from transformation.fingerprints import Definitions
from transformation.graph import Graph, graph_of

RAW = ("clients", "entries")
SETUP = """
create schema if not exists raw; create schema if not exists marts;
create schema if not exists hidden;
create table if not exists raw.clients (id integer, name varchar);
create table if not exists raw.entries (k integer, id integer, n integer);
create table if not exists hidden.notes (note varchar);
create table if not exists hidden.clock (day date)
"""
# Of each model: how it is made, what it selects from, and the SQL that it may have.
MODELS: dict[str, tuple[str, list[str], list[str]]] = {
    "stg_clients": (
        "view",
        ["clients"],
        [
            "select id, name from {{ raw('clients') }}",
            "select id, upper(name) as name from {{ raw('clients') }}",
        ],
    ),
    "stg_entries": (
        "view",
        ["entries"],
        [
            "select * from {{ raw('entries') }}",
            "select * from {{ raw('entries') }} where n >= {{ var('least') }}",
        ],
    ),
    "recent": (
        "view",
        ["stg_entries"],
        ["select k, current_date as seen_on from {{ ref('stg_entries') }}"],
    ),
    "by_client": (
        "table",
        ["stg_entries"],
        [
            "select id, {{ total() }} as total from {{ ref('stg_entries') }} group by id",
            "select id, max(n) as total from {{ ref('stg_entries') }} group by id",
            "select id, max(no_such_column) as total from {{ ref('stg_entries') }} group by id",
        ],
    ),
    "named": (
        "table",
        ["stg_clients", "by_client"],
        [
            "select c.name, b.total from {{ ref('stg_clients') }} as c "
            "left join {{ ref('by_client') }} as b using (id)"
        ],
    ),
    "ages": (
        "table",
        ["stg_clients", "recent"],
        [
            "select id, date '2030-01-01' - current_date as days from {{ ref('stg_clients') }}",
            "select k, seen_on from {{ ref('recent') }}",
        ],
    ),
    "elsewhere": (
        "table",
        ["stg_entries"],
        [
            "select count(*) as n from warehouse.hidden.notes",
            "select count(*) as n from {{ ref('stg_entries') }}",
        ],
    ),
    "grows": ("incremental", ["stg_entries"], ["select k, id, n from {{ ref('stg_entries') }}"]),
}
TESTS = {
    "names_are_known": ("named", "select * from {{ ref('named') }} where name is null"),
    "totals_are_small": ("by_client", "select * from {{ ref('by_client') }} where total > 9"),
    "not_so_old": ("recent", "select * from {{ ref('recent') }} where seen_on > '2026-06-03'"),
    "days_are_left": (
        "ages",
        "select * from {{ ref('stg_clients') }} where current_date > '2026-06-04'",
    ),
}
MACROS = ("sum(n)", "count(*)")


def uid_of(name: str) -> str:
    return f"source.p.raw.{name}" if name in RAW else f"model.p.{name}"


class Project:
    """What a person edits: which SQL each model has, how it is made, a macro, a variable."""

    def __init__(self) -> None:
        self.chosen = dict.fromkeys(MODELS, 0)
        self.kinds = {name: kind for name, (kind, _, _) in MODELS.items()}
        self.macro = MACROS[0]
        self.least = 2

    def definitions(self) -> Definitions:
        return Definitions(self._manifest(), ["dev"], [f"least: {self.least}"])

    def graph(self) -> Graph:
        return graph_of(Manifest.model_validate(self._manifest()))

    def sql(self, name: str) -> str:
        """A model's or test's, compiled."""
        code = TESTS[name][1] if name in TESTS else MODELS[name][2][self.chosen[name]]
        return jinja2.Template(code).render(
            ref=lambda name: f'"warehouse"."marts"."{name}"',
            raw=lambda name: f'"warehouse"."raw"."{name}"',
            var=lambda _: self.least,
            total=lambda: self.macro,
        )

    def make(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Make a model's relation as dbt does. Raises duckdb.Error."""
        select, kind, relation = executable(self.sql(name)), self.kinds[name], f"marts.{name}"
        row = connection.execute(
            "select table_type from information_schema.tables where table_catalog = 'warehouse' "
            "and table_schema = 'marts' and table_name = ?",
            [name],
        ).fetchone()
        there = {None: None, "VIEW": "view"}.get(row[0] if row else None, "table")
        if there and (there == "view") != (kind == "view"):
            connection.execute(f"drop {there} {relation}")
            there = None
        if kind == "view":
            connection.execute(f"create or replace view {relation} as {select}")
        elif kind == "table" or there is None:
            connection.execute(f"create or replace table {relation} as {select}")
        else:
            connection.execute(f"delete from {relation} where k not in (select k from ({select}))")
            new = f"select * from ({select}) except select * from {relation}"
            connection.execute(f"create or replace temp table new as {new}")
            connection.execute(f"delete from {relation} where k in (select k from new)")
            connection.execute(f"insert into {relation} select * from new")

    def _manifest(self) -> dict[str, Any]:
        nodes, sources = {}, {}
        for name in RAW:
            sources[uid_of(name)] = _node(name, "source", schema="raw", identifier=name)
        for name, (_, parents, codes) in MODELS.items():
            nodes[uid_of(name)] = _node(
                name,
                "model",
                schema="marts",
                raw_code=codes[self.chosen[name]],
                config={"materialized": self.kinds[name]},
                depends_on=_depends(parents),
            )
        for name, (model, code) in TESTS.items():
            parents = ["stg_clients"] if name == "days_are_left" else [model]
            facts = {"attached_node": uid_of(model), "depends_on": _depends(parents)}
            nodes[f"test.p.{name}"] = _node(name, "test", raw_code=code, **facts) | {
                "unique_id": f"test.p.{name}"
            }
        total = {"package_name": "p", "name": "total", "macro_sql": self.macro, "depends_on": {}}
        return {"nodes": nodes, "sources": sources, "macros": {"macro.p.total": total}}


def executable(sql: str) -> str:
    return sql.replace("current_date", "(select day from warehouse.hidden.clock)")


def setup(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    connection.execute(SETUP)
    connection.execute("delete from hidden.clock")
    connection.execute("insert into hidden.clock values (?)", [day])


def _node(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    schema = facts.get("schema")
    relation = f'"warehouse"."{schema}"."{name}"' if schema else None
    found = {"unique_id": uid_of(name), "resource_type": kind, "name": name, **facts}
    return found | {"relation_name": relation}


def _depends(parents: list[str]) -> dict[str, list[str]]:
    return {"nodes": [uid_of(parent) for parent in parents], "macros": ["macro.p.total"]}
