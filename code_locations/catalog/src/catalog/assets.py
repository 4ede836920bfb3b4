"""The catalog asset."""

import dagster as dg

from catalog.checks import EVERY_TABLE
from catalog.coverage import evaluate
from stack.options import RESOURCE, takes_options
from stack.warehouse.pool import WAREHOUSE_POOL


@takes_options
@dg.asset(
    group_name="catalog",
    kinds={"datahub"},
    owners=["team:analytics"],
    pool=WAREHOUSE_POOL,
    required_resource_keys={RESOURCE},  # none concerns it, but a pipeline's config is one
    deps=[dg.AssetKey("dbt_test"), dg.AssetKey("great_expectations_validation")],
    description=(
        "Describes the warehouse in DataHub: tables, columns, owners, lineage down to columns, "
        "row counts, and the results of dbt's tests and Great Expectations. Writes to "
        "DATAHUB_GMS_URL, or to a file that `datahub ingest` takes."
    ),
)
def datahub_metadata_ingestion(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Catalogue what the pipeline has made."""
    from catalog.ingestion import catalogue
    from catalog.summary import metadata

    catalogued = catalogue(context.run.run_id, context.log.info)
    description = catalogued.description
    for warning in description.warnings:
        context.log.warning(warning)
    for gap in description.missing:
        context.log.info(f"not catalogued: {gap}")
    verdict = evaluate(description.naming, description.tables, description.proposals)
    context.log_event(
        dg.AssetCheckEvaluation(
            asset_key=context.asset_key, check_name=EVERY_TABLE, **verdict.as_arguments()
        )
    )
    return dg.MaterializeResult(metadata=metadata(catalogued))
