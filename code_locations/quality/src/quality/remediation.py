"""`remediation_validation`: the last stage of a remediation, and its verdict."""

from collections.abc import Collection
from typing import Any

import dagster as dg

from quality.assets import CHECKPOINT
from stack.remediation.handover import (
    REBUILD,
    REINGESTION,
    VERDICT,
    Rebuild,
    Reingestion,
    RemediationError,
    Verdict,
    leave,
    take,
)
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse.pool import WAREHOUSE_POOL


@dg.asset(
    deps=["remediation_rebuild"],
    group_name="remediation",
    kinds={"greatexpectations", "duckdb"},
    owners=["team:analytics"],
    pool=WAREHOUSE_POOL,
    description="Validates what was reloaded and rebuilt, and says whether the data is healed.",
)
def remediation_validation(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Leave the verdict for the alert's archive. Fails if something critical still fails.

    Writes no alert: a remediation must not start another.
    """
    try:
        reingested = take(context.run, REINGESTION, Reingestion)
        rebuilt = take(context.run, REBUILD, Rebuild)
    except RemediationError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    warehouse = load_settings(WarehouseSettings)
    remaining = [*rebuilt.failing, *failing(rebuilt.tables, warehouse, context)]
    verdict = Verdict(
        outcome="not_healed" if remaining else "healed",
        remaining=tuple(remaining),
        tables=rebuilt.tables,
        isolated=reingested.isolated,
        rows_loaded=reingested.rows,
        unreadable_exports=reingested.quarantined,
    )
    leave(context.run, VERDICT, verdict)
    if remaining:
        raise dg.Failure(
            f"not healed, {len(remaining)} checks still fail: {'; '.join(remaining)}",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={"outcome": verdict.outcome, "tables": ", ".join(rebuilt.tables)}
    )


def failing(
    tables: Collection[str], warehouse: WarehouseSettings, context: dg.AssetExecutionContext
) -> list[str]:
    """Failures that fail the run, among the checkpoint's suites of `tables` (`schema.table`)."""
    from quality.validation import run_checkpoint

    only = {
        (suite.name, expectation.name)
        for suite in CHECKPOINT.suites
        if suite.name in tables
        for expectation in suite.expectations
    }
    if not only:
        return []
    validation = run_checkpoint(
        CHECKPOINT,
        warehouse,
        run_id=context.run.run_id,
        report=context.log.info,
        only=only,
    )
    return [
        f"great_expectations: {r.expectation.name} on {r.table}: "
        + (r.error or f"{r.unexpected_count:,} failing rows; see them with: {_line(r.sql)}")
        for r in validation.fatal
    ]


def _line(sql: str | None) -> str:
    return " ".join((sql or "").split())
