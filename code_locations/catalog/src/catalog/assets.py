"""The catalog asset, and its check, which can run alone."""

from collections.abc import Iterator

import dagster as dg

from catalog.settings import DataHubSettings
from catalog.summary import EVERY_TABLE, coverage, metadata
from stack.options import RunOptions, takes_options
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse.pool import WAREHOUSE_POOL

ASSET = dg.AssetKey("datahub_metadata_ingestion")


@takes_options
@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            ASSET,
            group_name="catalog",
            kinds={"datahub"},
            owners=["team:analytics"],
            deps=["dbt_test", "great_expectations_validation"],
            description=(
                "Describes the warehouse in DataHub: tables, columns, owners, lineage down to "
                "columns, row counts, and the results of dbt's tests and Great Expectations. "
                "Writes to DATAHUB_GMS_URL, or to a file that `datahub ingest` takes."
            ),
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            EVERY_TABLE,
            asset=ASSET,
            description="Each table and view of the warehouse has columns, a description and an "
            "owner in the catalog.",
        )
    ],
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def datahub_metadata_ingestion(
    context: dg.AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Catalogue what the pipeline has made; for the check alone, describe it without writing."""
    from catalog.ingestion import Catalogue

    catalogue = Catalogue(
        load_settings(StackSettings),
        load_settings(WarehouseSettings),
        load_settings(DataHubSettings),
        context.run.run_id,
        context.log.info,
        everything=options.full or options.force_full_refresh,
    )
    if context.selected_asset_keys:
        catalogued = catalogue.write()
        description = catalogued.description
        for warning in description.dbt.warnings:
            context.log.warning(warning)
        for gap in description.missing:
            context.log.info(f"not catalogued: {gap}")
        yield dg.MaterializeResult(metadata=metadata(catalogued))
    else:
        description = catalogue.describe()
    if context.selected_asset_check_keys:
        yield coverage(description)
