"""Dagster's view of the dbt project: an asset per model, a check per data test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from stack.dbt_artifacts import Node
from transformation.graph import DataTest, Graph

OWNER = "team:analytics"
RUN = dg.AssetKey("dbt_run")
TEST = dg.AssetKey("dbt_test")


def key_of(table: Node) -> dg.AssetKey:
    """Asset key of a model or raw table."""
    return dg.AssetKey(table.asset_path)


def model_specs(graph: Graph, code_versions: Mapping[str, str]) -> list[dg.AssetSpec]:
    """One spec per model, depending on the tables that it selects from, grouped by layer.

    A model missing from `code_versions`, which are by unique id, has no complete definition.
    """
    return [
        dg.AssetSpec(
            key=key_of(model),
            deps=[key_of(graph.tables[parent]) for parent in model.parents],
            description=model.description,
            group_name=model.schema_name,
            kinds={"dbt", "duckdb", model.materialized},
            owners=[OWNER],
            skippable=True,
            code_version=code_versions.get(model.unique_id),
        )
        for model in graph.models
    ]


def run_spec(graph: Graph) -> dg.AssetSpec:
    """The run of all models. It depends on the leaves: it is materialised when all succeeded."""
    return dg.AssetSpec(
        key=RUN,
        deps=[
            "airbyte_sync_job",
            "dlt_ingestion_pipeline",
            *(key_of(model) for model in graph.leaves),
        ],
        description="Runs the dbt models, in the order of their dependencies.",
        group_name="transformation",
        kinds={"dbt", "duckdb"},
        owners=[OWNER],
        skippable=True,
    )


def test_spec() -> dg.AssetSpec:
    """The run of all data tests."""
    return dg.AssetSpec(
        key=TEST,
        deps=[RUN],
        description="Runs dbt's data tests on raw tables and models; fails on severity error.",
        group_name="transformation",
        kinds={"dbt", "duckdb"},
        owners=[OWNER],
    )


def check_specs(tests: Iterable[DataTest], graph: Graph) -> list[dg.AssetCheckSpec]:
    """One check per data test, on the table that it is about."""
    return [
        dg.AssetCheckSpec(
            name=test.check_name,
            asset=key_of(graph.tables[test.table]),
            description=test.description or None,
        )
        for test in tests
    ]
