"""dbt's catalog.json without `dbt docs generate`, which would start dbt a third time.

Format: https://schemas.getdbt.com/dbt/catalog/v1.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformation.facts import WarehouseColumn
from transformation.manifest import Manifest, Table

SCHEMA = "https://schemas.getdbt.com/dbt/catalog/v1.json"


def build_catalog(
    manifest: Manifest,
    columns: Mapping[str, Sequence[WarehouseColumn]],
    database: str,
    metadata: Mapping[str, Any],
) -> dict[str, Any]:
    """The catalog of the tables that exist; `metadata` is the manifest's, of the same run."""
    entries = {uid: _entry(manifest.tables[uid], found, database) for uid, found in columns.items()}
    return {
        "metadata": {
            **{k: metadata.get(k) for k in ("dbt_version", "generated_at", "invocation_id")},
            "dbt_schema_version": SCHEMA,
            "env": {},
        },
        "nodes": {uid: e for uid, e in entries.items() if not manifest.tables[uid].is_source},
        "sources": {uid: e for uid, e in entries.items() if manifest.tables[uid].is_source},
        "errors": None,
    }


def _entry(table: Table, columns: Sequence[WarehouseColumn], database: str) -> dict[str, Any]:
    described = {column.name: column.description for column in table.columns}
    return {
        "metadata": {
            "type": "VIEW" if table.materialized == "view" else "BASE TABLE",
            "database": database,
            "schema": table.schema,
            "name": table.name,
            "comment": table.description or None,
            "owner": None,
        },
        "columns": {
            column.name: {
                "type": column.type,
                "index": index,
                "name": column.name,
                "comment": described.get(column.name),
            }
            for index, column in enumerate(columns, start=1)
        },
        "stats": {},
        "unique_id": table.unique_id,
    }
