"""From the tables that an alert names to the raw tables that are loaded again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scope:
    """What a remediation is about.

    `raw_tables` are names in the raw schema: those that the alert names, and those that a named
    model is made of. `models` are `schema.name` of the named models.
    """

    raw_tables: tuple[str, ...]
    models: tuple[str, ...]
    unknown: tuple[str, ...]


def scope_of(
    tables: Iterable[str], raw_names: Iterable[str], manifest: Mapping[str, Any] | None
) -> Scope:
    """Look the alert's `tables` up: `books_invoices`, `raw.books_invoices`, `marts.cash_in`.

    `manifest` is dbt's, of the last run; without one only raw tables are known.
    """
    known = set(raw_names)
    sources = {
        uid: node["identifier"]
        for uid, node in (manifest or {}).get("sources", {}).items()
        if node["identifier"] in known
    }
    models = {
        node["alias"]: (uid, f"{node['schema']}.{node['alias']}")
        for uid, node in (manifest or {}).get("nodes", {}).items()
        if node["resource_type"] == "model"
    }
    parents = (manifest or {}).get("parent_map", {})
    raw: dict[str, None] = {}
    named: dict[str, None] = {}
    unknown = []
    for table in tables:
        name = table.rsplit(".", 1)[-1]
        if name in known:
            raw[name] = None
        elif name in models:
            uid, shown = models[name]
            named[shown] = None
            raw |= dict.fromkeys(_sources_of(uid, parents, sources))
        else:
            unknown.append(table)
    return Scope(tuple(raw), tuple(named), tuple(unknown))


def _sources_of(
    uid: str, parents: Mapping[str, list[str]], sources: Mapping[str, str]
) -> list[str]:
    found, todo, done = [], [uid], {uid}
    while todo:
        for parent in parents.get(todo.pop(), []):
            if parent in done:
                continue
            done.add(parent)
            if parent in sources:
                found.append(sources[parent])
            else:
                todo.append(parent)
    return sorted(found)
