"""What the parsed project must state about every model, and how it becomes assets and checks."""

import dagster as dg
import pytest

from stack.dbt_artifacts import Node
from stack.raw import raw_tables
from transformation.assets import MANIFEST, dbt_run, dbt_test
from transformation.checks import dbt_data_tests
from transformation.graph import graph_of
from transformation.project import load_manifest, load_project

MODELS = pytest.mark.parametrize("model", MANIFEST.models, ids=lambda model: model.table)


@MODELS
def test_model_and_each_of_its_columns_is_described(model: Node):
    assert model.description
    assert model.columns
    assert [name for name, description in model.columns.items() if not description] == []


@MODELS
def test_model_has_a_test_that_says_more_than_not_null(model: Node):
    tests = [test for test in MANIFEST.tests.values() if test.table == model.unique_id]

    assert [test for test in tests if not test.check_name.startswith("not_null")]


@pytest.mark.parametrize(
    "mart", [m for m in MANIFEST.models if m.schema_name == "marts"], ids=lambda mart: mart.table
)
def test_the_key_of_a_mart_is_judged_once(mart: Node):
    tests = [
        MANIFEST.tests[t.unique_id] for t in MANIFEST.tests.values() if t.table == mart.unique_id
    ]
    keys = [t for t in tests if t.description.startswith(("primary_key", "unique_together"))]

    assert len(keys) == 1


@MODELS
def test_model_is_in_the_schema_of_its_layer(model: Node):
    layer = model.file.split("/")[1]

    assert model.asset_path == (layer, model.table)


def test_staging_alone_reads_raw_tables():
    for model in MANIFEST.models:
        reads_raw = any(MANIFEST.tables[parent].is_source for parent in model.parents)
        assert reads_raw == (model.schema_name == "staging"), model.name


def test_models_follow_their_parents():
    seen = {table.unique_id for table in MANIFEST.tables.values() if table.is_source}
    for model in MANIFEST.models:
        assert set(model.parents) <= seen
        seen.add(model.unique_id)


def test_raw_tables_are_upstream_by_their_own_keys():
    upstream = {
        dep.asset_key for spec in dbt_run.specs for dep in spec.deps if spec.group_name == "staging"
    }

    assert upstream == {dg.AssetKey(table.asset_path) for table in raw_tables()}


def test_dbt_run_follows_ingestion_and_dbt_test_follows_it():
    specs = {spec.key: spec for spec in (*dbt_run.specs, *dbt_test.specs)}

    deps = {dep.asset_key for dep in specs[dg.AssetKey("dbt_run")].deps}
    assert {dg.AssetKey("airbyte_sync_job"), dg.AssetKey("dlt_ingestion_pipeline")} <= deps
    assert [d.asset_key for d in specs[dg.AssetKey("dbt_test")].deps] == [dg.AssetKey("dbt_run")]
    assert {spec.group_name for spec in specs.values()} == {
        *("staging", "intermediate", "marts", "transformation")
    }


def test_checks_have_names_of_their_own_and_no_table_in_them():
    keys = [spec.key for spec in dbt_data_tests.check_specs]

    assert len(set(keys)) == len(keys) == len(MANIFEST.tests)
    names = {key.name for key in keys if key.asset_key == dg.AssetKey(["raw", "books_clients"])}
    assert names == {"primary_key_client_id"}


def test_two_tests_of_one_short_name_keep_their_long_names():
    manifest = load_manifest(load_project())
    uid = next(u for u, t in MANIFEST.tests.items() if t.check_name == "primary_key_client_id")
    node = manifest.nodes[uid]
    twin = node.model_copy(update={"unique_id": f"{uid}x", "name": f"{node.name}_"})

    found = graph_of(manifest.model_copy(update={"nodes": {**manifest.nodes, f"{uid}x": twin}}))

    table = found.tests[uid].table
    names = [test.check_name for test in found.tests.values() if test.table == table]
    assert len(set(names)) == len(names)
