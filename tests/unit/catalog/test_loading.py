"""What loading the catalog location costs, and what its asset is."""

import subprocess
import sys

import dagster as dg

from catalog.assets import datahub_metadata_ingestion
from stack.warehouse.pool import WAREHOUSE_POOL

HEAVY = ("datahub", "avrogen", "duckdb", "pandas", "pyarrow", "sqlglot", "dbt", "requests")


def test_loading_the_location_imports_nothing_heavy():
    script = (
        "import sys, dagster; before = set(sys.modules); import catalog.definitions;"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "catalog" in loaded
    assert not set(loaded) & set(HEAVY)


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
