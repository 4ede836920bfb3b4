"""The data tests as asset checks that run alone; within a pipeline, `dbt_test` logs them."""

from collections.abc import Iterator

import dagster as dg
from dagster import AssetCheckExecutionContext

from stack.settings import StackSettings, load_settings
from stack.warehouse.pool import WAREHOUSE_POOL
from transformation.assets import MANIFEST
from transformation.models import run_tests, select
from transformation.project import load_project
from transformation.specs import check_specs, key_of
from transformation.testing import check_results


@dg.multi_asset_check(
    name="dbt_data_tests",
    specs=check_specs(MANIFEST.tests.values(), MANIFEST),
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def dbt_data_tests(context: AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Run the selected data tests."""
    wanted = context.selected_asset_check_keys
    tests = [
        test
        for test in MANIFEST.tests.values()
        if dg.AssetCheckKey(key_of(MANIFEST.tables[test.table]), test.check_name) in wanted
    ]
    stack = load_settings(StackSettings)
    run = run_tests(
        load_project(),
        stack.scratch / "dbt" / f"{context.run.run_id}-checks",
        report=lambda result: context.log.info(f"{result.unique_id}: {result.status}"),
        options=select(test.unique_id for test in tests),
    )
    for result in check_results(run, MANIFEST):
        if (
            result.asset_key
            and dg.AssetCheckKey(result.asset_key, str(result.check_name)) in wanted
        ):
            yield result
