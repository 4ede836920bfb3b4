"""The definition of the catalog's asset."""

import dagster as dg

from catalog.assets import datahub_metadata_ingestion
from stack.warehouse.pool import WAREHOUSE_POOL


def test_the_asset_comes_after_tests_and_validation_and_holds_the_warehouse():
    [key] = datahub_metadata_ingestion.keys
    assert datahub_metadata_ingestion.asset_deps[key] == {
        dg.AssetKey("dbt_test"),
        dg.AssetKey("great_expectations_validation"),
    }
    assert datahub_metadata_ingestion.group_names_by_key[key] == "catalog"
    assert datahub_metadata_ingestion.op.pool == WAREHOUSE_POOL
    brought = datahub_metadata_ingestion.resource_defs.keys() | {"io_manager"}
    assert datahub_metadata_ingestion.required_resource_keys <= brought
