"""A check's result in Dagster's two forms."""

from __future__ import annotations

import dagster as dg


def evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """The event that an asset's own run logs for a check that another op declares.

    An op's check specs may only be about its own assets, so a check of a table is declared by
    a `multi_asset_check`, which runs alone, and evaluated by the stage's asset in a pipeline.
    """
    if result.asset_key is None or result.check_name is None:
        raise ValueError("a check result without asset and name can't be logged")
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )
