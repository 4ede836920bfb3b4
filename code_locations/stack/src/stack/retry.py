"""Has the daemon retry a run that something outside kept from its work."""

from __future__ import annotations

import dagster as dg

from stack.outage import is_interruption, is_outage
from stack.warehouse.connection import WarehouseBusyError

RETRIES = 2
MAX_RETRIES_TAG = "dagster/max_retries"
RETRY_TAG = "dagster/retry_on_asset_or_op_failure"
# The run that asked: a retry copies all its tags, and must not count as asking.
ASKED_TAG = "retry/asked_by"


@dg.failure_hook(name="retry_when_a_store_is_away")
def retry_when_away(context: dg.HookContext) -> None:
    """Ask for retries of a run that failed because a store was away or its DuckDB file locked.

    A run whose process was ended is retried as often as the instance retries those. Other failed
    assets aren't retried: they would fail again.
    """
    run = context.instance.get_run_by_id(context.run_id)
    # The daemon can't repeat a run that somebody executes in their own process.
    if run is None or not run.remote_job_origin:
        return
    asked_by = run.tags.get(ASKED_TAG)
    if is_interruption(context.op_exception):
        context.instance.add_run_tags(run.run_id, {RETRY_TAG: "true", ASKED_TAG: run.run_id})
    elif may_pass(context.op_exception):
        if MAX_RETRIES_TAG not in run.tags or asked_by:
            tags = {RETRY_TAG: "true", ASKED_TAG: run.run_id}
            context.instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: str(RETRIES)} | tags)
    elif asked_by not in (None, run.run_id):
        context.instance.add_run_tags(run.run_id, {RETRY_TAG: "false"})


def may_pass(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is an outage or a busy warehouse."""
    return is_outage(error) or _is_busy(error)


def _is_busy(error: BaseException | None) -> bool:
    return error is not None and (
        isinstance(error, WarehouseBusyError) or _is_busy(error.__cause__ or error.__context__)
    )
