"""From the tables named in an alert to the raw tables that are loaded again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stack.dbt_artifacts import Manifest


@dataclass(frozen=True)
class Scope:
    """What a remediation is about.

    `raw_tables` are names in the raw schema: those that the alert names, and those that the named
    models are built from. `models` are the named models as `schema.name`.
    """

    raw_tables: tuple[str, ...]
    models: tuple[str, ...]
    unknown: tuple[str, ...]


def scope_of(tables: Iterable[str], raw_names: Iterable[str], manifest: Manifest | None) -> Scope:
    """Look up the alert's `tables`: `books_invoices`, `raw.books_invoices`, `marts.cash_in`.

    `manifest` is dbt's from the last run; without one only raw tables are known.
    """
    known, manifest = set(raw_names), manifest or Manifest(nodes={}, sources={})
    models = {model.table: model for model in manifest.models}
    raw: dict[str, None] = {}
    named: dict[str, None] = {}
    unknown = []
    for table in tables:
        name = table.rsplit(".", 1)[-1]
        if name in known:
            raw[name] = None
        elif name in models:
            named[".".join(models[name].asset_path)] = None
            above = [node.table for node in manifest.upstream(models[name].unique_id)]
            raw |= dict.fromkeys(parent for parent in above if parent in known)
        else:
            unknown.append(table)
    return Scope(tuple(raw), tuple(named), tuple(unknown))
