"""The catalog's check, declared so that it can run alone."""

from collections.abc import Iterator

import dagster as dg

from catalog.coverage import evaluate
from stack.warehouse.pool import WAREHOUSE_POOL

EVERY_TABLE = "every_table_is_catalogued"


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            EVERY_TABLE,
            asset=dg.AssetKey("datahub_metadata_ingestion"),
            description="Each table and view of the warehouse has columns, a description and an "
            "owner in the catalog.",
        )
    ],
    name="catalog_checks",
    pool=WAREHOUSE_POOL,
)
def catalog_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Describe the warehouse as it is now, without writing, and look for gaps."""
    from catalog.ingestion import describe_warehouse

    now = describe_warehouse(context.run.run_id, context.log.info)
    verdict = evaluate(now.naming, now.tables, now.proposals)
    yield dg.AssetCheckResult(check_name=EVERY_TABLE, **verdict.as_arguments())
