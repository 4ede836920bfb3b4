"""A run that another program kept from the warehouse is made again by the daemon."""

from __future__ import annotations

import dagster as dg

from stack.warehouse.connection import WarehouseBusyError

RETRIES = 2
MAX_RETRIES_TAG = "dagster/max_retries"


@dg.failure_hook(name="retry_when_warehouseis_busy")
def retry_when_busy(context: dg.HookContext) -> None:
    """Ask for retries of a run that failed because it waited for the DuckDB file in vain.

    Other failures of assets are not retried: they would fail again.
    """
    if not is_busy(context.op_exception):
        return
    run = context.instance.get_run_by_id(context.run_id)
    # The daemon can't make a run again that somebody executes in a process of his own.
    if run and run.remote_job_origin and MAX_RETRIES_TAG not in run.tags:
        retries = {
            MAX_RETRIES_TAG: str(RETRIES),
            "dagster/retry_on_asset_or_op_failure": "true",
        }
        context.instance.add_run_tags(run.run_id, retries)


def is_busy(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is that the warehouse was busy."""
    return error is not None and (
        isinstance(error, WarehouseBusyError) or is_busy(error.__cause__ or error.__context__)
    )
