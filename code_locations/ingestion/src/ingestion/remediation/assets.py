"""`remediation_reingestion`: the first stage of a remediation."""

from typing import Any

import dagster as dg

from stack.warehouse.pool import WAREHOUSE_POOL


@dg.asset(
    group_name="remediation",
    kinds={"dlt", "airbyte"},
    owners=["team:analytics"],
    pool=WAREHOUSE_POOL,
    description=(
        "For the alert of the run: keeps the failing rows in schema quarantine, and loads the "
        "raw tables behind them anew from their sources."
    ),
)
def remediation_reingestion(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Isolate, forget, load. Fails if a source can't be read, or the alert names nothing known."""
    from ingestion.remediation.stage import run_stage
    from stack.remediation.handover import REINGESTION, RemediationError, leave

    try:
        content = run_stage(context.run, context.log)
    except RemediationError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    leave(context.run, REINGESTION, content)
    if content["failures"]:
        raise dg.Failure("; ".join(content["failures"]))
    return dg.MaterializeResult(
        metadata={
            "raw_tables": ", ".join(content["raw_tables"]),
            "rows_loaded": sum(content["rows"].values()),
            "rows_isolated": sum(found["kept"] for found in content["isolated"]),
            "rows_removed": sum(found["removed"] for found in content["isolated"]),
        }
    )
