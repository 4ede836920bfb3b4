"""The catalog asset, and its check, which can run alone."""

from collections.abc import Iterator

import dagster as dg

from catalog.settings import DataHubSettings
from catalog.summary import EVERY_TABLE, coverage, held_metadata, metadata
from stack.held import since
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
    """Catalogue what the pipeline made, unless the catalog already says all of it.

    If only the check is selected, everything is described but nothing is written.
    """
    from catalog.holding import Look
    from catalog.ingestion import Catalogue

    look = Look.now() if context.selected_asset_keys else None  # None: only the check is selected
    if look and options.lets_hold and (claim := look.claim_that_holds()):
        context.log.info(f"all of the catalog holds {since([claim])}")
        yield dg.MaterializeResult(metadata={**claim.result["told"], **claim.metadata})
        if context.selected_asset_check_keys:
            yield dg.AssetCheckResult(check_name=EVERY_TABLE, passed=True, metadata=claim.metadata)
        return
    catalogue = Catalogue(
        load_settings(StackSettings),
        load_settings(WarehouseSettings),
        load_settings(DataHubSettings),
        context.run.run_id,
        context.log.info,
        everything=options.is_full or options.force_full_refresh,
    )
    if look:
        catalogued = catalogue.write()
        description = catalogued.description
        for warning in description.dbt.warnings:
            context.log.warning(warning)
        for gap in description.missing:
            context.log.info(f"not catalogued: {gap}")
        yield dg.MaterializeResult(metadata=metadata(catalogued))
        look.claim(context.run.run_id, held_metadata(catalogued))
    else:
        description = catalogue.describe()
    if context.selected_asset_check_keys:
        yield coverage(description)
