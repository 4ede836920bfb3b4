"""Metadata of materialised models and of checks, as Dagster shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
from dagster import MetadataValue

from stack.dbt_artifacts import Node
from stack.markdown import markdown_table
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import row_count
from transformation.graph import DataTest, Graph
from transformation.lineage import column_lineage
from transformation.models import DbtRun
from transformation.plots import PLOTS
from transformation.runner import NodeResult
from transformation.specs import key_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MARTS = "marts"
SAMPLE_ROWS = 10


@dataclass(frozen=True)
class Warehouse:
    """An open connection after a run, and the columns of the tables by schema and name."""

    connection: DuckDBPyConnection
    settings: WarehouseSettings
    columns: Mapping[tuple[str, str], Mapping[str, str]]


def model_metadata(
    model: Node,
    result: NodeResult,
    rows_affected: int | None,
    graph: Graph,
    warehouse: Warehouse,
) -> dict[str, MetadataValue]:
    """Metadata of a model that ran: rows, duration, schema, lineage, SQL; a sample of a mart."""
    rows = row_count(warehouse.connection, model.schema_name, model.table)
    metadata: dict[str, MetadataValue] = {
        "dagster/row_count": MetadataValue.int(rows),
        "dagster/table_name": MetadataValue.text(
            f"{warehouse.settings.database}.{model.schema_name}.{model.table}"
        ),
        "duration_s": MetadataValue.float(round(result.duration_s, 3)),
        "materialization": MetadataValue.text(model.materialized),
        "dagster/column_schema": MetadataValue.table_schema(_schema(model, warehouse)),
        "dbt_file": MetadataValue.text(model.file),
    }
    if model.materialized != "view":
        affected = rows if rows_affected is None else rows_affected
        metadata["rows_affected"] = MetadataValue.int(affected)
    if result.compiled_code:
        metadata["dagster/column_lineage"] = MetadataValue.column_lineage(
            _lineage(model, result.compiled_code, graph, warehouse)
        )
        metadata["compiled_sql"] = MetadataValue.md(f"```sql\n{result.compiled_code.strip()}\n```")
    if model.schema_name == MARTS and rows:
        metadata["sample"] = MetadataValue.md(_sample(warehouse.connection, model))
        if model.table in PLOTS:
            metadata["plot"] = MetadataValue.md(PLOTS[model.table](warehouse.connection))
    return metadata


def _sample(connection: DuckDBPyConnection, table: Node) -> str:
    """Some rows as a Markdown table, the latest if it has months; empty text without rows."""
    name = f"{identifier(table.schema_name)}.{identifier(table.table)}"
    relation = connection.sql(f"select * from {name}")
    if str(relation.types[0]) == "DATE":
        places = range(2, len(relation.columns) + 1)
        relation = relation.order(", ".join(["1 desc", *map(str, places)]))
    found = relation.limit(SAMPLE_ROWS).fetchall()
    return markdown_table(relation.columns, found) if found else ""


def _schema(model: Node, warehouse: Warehouse) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, type_, description=model.columns.get(name))
            for name, type_ in warehouse.columns.get((model.schema_name, model.table), {}).items()
        ]
    )


def _lineage(
    model: Node, compiled_sql: str, graph: Graph, warehouse: Warehouse
) -> dg.TableColumnLineage:
    parents = {
        f"{parent.schema_name}.{parent.table}": parent
        for parent in map(graph.tables.__getitem__, model.parents)
    }
    columns = {
        (table.schema_name, table.table): list(
            warehouse.columns.get((table.schema_name, table.table), ())
        )
        for table in (*parents.values(), model)
    }
    origins = column_lineage(compiled_sql, columns, warehouse.settings.database)
    return dg.TableColumnLineage(
        deps_by_column={
            name: [
                dg.TableColumnDep(key_of(parents[f"{schema}.{table}"]), column)
                for (schema, table), column in found
                if f"{schema}.{table}" in parents  # an incremental model also reads itself
            ]
            for name, found in origins.items()
        }
    )


def run_metadata(run: DbtRun | None, nodes: str, held: int) -> dict[str, MetadataValue]:
    """How many `nodes` an invocation ran, if there was one, for how long, and how many held."""
    return {
        nodes: MetadataValue.int(len(run.result.results) if run else 0),
        "held": MetadataValue.int(held),
        "duration_s": MetadataValue.float(
            round(run.run_results["elapsed_time"], 3) if run else 0.0
        ),
    }


def test_metadata(test: DataTest, result: NodeResult) -> dict[str, MetadataValue]:
    """Failing rows, duration and the query that shows the failing rows."""
    metadata: dict[str, MetadataValue] = {
        "status": MetadataValue.text(result.status),
        "duration_s": MetadataValue.float(round(result.duration_s, 3)),
        "dbt_test": MetadataValue.text(test.unique_id),
    }
    if result.failures is not None:
        metadata["failing_rows"] = MetadataValue.int(result.failures)
    if result.message:
        metadata["message"] = MetadataValue.text(result.message)
    if result.compiled_code:
        metadata["query_of_failing_rows"] = MetadataValue.md(
            f"```sql\n{result.compiled_code.strip()}\n```"
        )
    return metadata
