"""The validation asset, and its expectations as checks of the tables that they are about."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from quality.alerting import alert_of, summary
from quality.checks import check_result, check_specs, rows_table
from quality.declarations import load_checkpoint
from quality.holding import EXPECTATIONS, key_of
from quality.results import Validation, table_rows
from quality.settings import GreatExpectationsSettings
from stack.activity import ActivityLog, reads_of_tables
from stack.alerts import write_alert
from stack.artifacts import ArtifactStore
from stack.checks import evaluation
from stack.gx_artifacts import DATA_DOCS, ValidationResult, read_validation, write_validation
from stack.held import Claim, read_claims, since, write_claims
from stack.options import RunOptions, takes_options
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.sql_reads import tables_named
from stack.warehouse.pool import WAREHOUSE_POOL

if TYPE_CHECKING:
    from quality.validation import Report

SKIPPED = {
    "skipped": dg.MetadataValue.bool(True),
    "reason": dg.MetadataValue.text(
        "skip_validations: this run evaluated no expectation; the checks show earlier results"
    ),
}

_SETTINGS = load_settings(GreatExpectationsSettings)
CHECKPOINT = load_checkpoint(_SETTINGS.project_dir, _SETTINGS.ge_checkpoint_name)


@takes_options
@dg.asset(
    group_name="quality",
    kinds={"greatexpectations", "duckdb"},
    owners=["team:analytics"],
    deps=["dbt_test"],
    pool=WAREHOUSE_POOL,
    description=(
        "Judges the raw tables and the marts by the suites of the Great Expectations project. "
        "Each expectation is a check on the table that it is about; Data Docs and the results "
        "are kept, and a critical failure writes an alert and fails the run."
    ),
)
def great_expectations_validation(
    context: dg.AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.AssetCheckEvaluation | dg.AssetObservation | dg.MaterializeResult[None]]:
    """Run the checkpoint, record everything, then fail if a critical expectation isn't met."""
    if options.skip_validations:
        context.log.warning("skip_validations: nothing is validated in this run")
        yield dg.MaterializeResult(metadata=SKIPPED)
        return
    stack = load_settings(StackSettings)
    warehouse = load_settings(WarehouseSettings)
    store = ArtifactStore(stack.artifacts)
    latest = read_validation(store)
    claims = read_claims(store, EXPECTATIONS) if options.lets_hold and latest else {}
    validation, held = _judge(context, warehouse, store, claims)
    for result in validation.results:
        yield evaluation(check_result(result, held.get(key_of(result.expectation))))
    for result in validation.failures:
        report = context.log.error if result.fails_the_run else context.log.warning
        report(f"{result.table}: {result.error or result.expectation.name + ' not met'}")
    _keep(store, validation, latest, is_judged=len(held) < len(validation.results))
    alert = alert_of(validation)
    if alert:
        metadata = _metadata(validation, held) | {
            "alert": dg.MetadataValue.path(write_alert(stack.alerts, alert))
        }
        # A failed step materialises nothing; the observation keeps its numbers on the asset.
        yield dg.AssetObservation(context.asset_key, metadata=metadata)
        raise dg.Failure(summary(validation), metadata=metadata)
    yield dg.MaterializeResult(metadata=_metadata(validation, held))


@dg.multi_asset_check(
    name="great_expectations_checks",
    specs=check_specs(CHECKPOINT.suites),
    can_subset=True,
    pool=WAREHOUSE_POOL,
    description="Judges the chosen expectations alone, without artifact, alert or Data Docs.",
)
def great_expectations_checks(
    context: dg.AssetCheckExecutionContext,
) -> Iterator[dg.AssetCheckResult]:
    """Run the selected checks alone."""
    keys = context.selected_asset_check_keys
    only = {(".".join(key.asset_key.path), key.name) for key in keys}
    warehouse = load_settings(WarehouseSettings)
    for result in _validate(warehouse, context.run.run_id, context.log.info, only).results:
        yield check_result(result)


def _judge(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseSettings,
    store: ArtifactStore,
    claims: Mapping[str, Claim],
) -> tuple[Validation, dict[str, Claim]]:
    """Judge what doesn't hold; return the results of all, and the claims that hold, by key."""
    from quality.validation import run_what_changed

    validation, held, now = run_what_changed(
        CHECKPOINT, warehouse, claims, run_id=context.run.run_id, report=context.log.info
    )
    if now != claims:
        write_claims(store, EXPECTATIONS, context.run.run_id, now)
    if held:
        context.log.info(f"{len(held)} expectations hold {since(held.values())}")
    judged = [r for r in validation.results if key_of(r.expectation) not in held]
    queries = filter(None, (tables_named(r.sql) for r in judged if r.sql))
    reads = reads_of_tables(queries, "great_expectations", context.run.run_id)
    ActivityLog(store.url).append(reads, context.log)
    return validation, held


def _validate(
    warehouse: WarehouseSettings,
    run_id: str,
    report: "Report",
    only: Collection[tuple[str, str]],
) -> Validation:
    from quality.validation import run_checkpoint

    return run_checkpoint(CHECKPOINT, warehouse, run_id=run_id, report=report, only=only)


def _keep(
    artifacts: ArtifactStore,
    validation: Validation,
    latest: ValidationResult | None,
    *,
    is_judged: bool,
) -> None:
    """Store the results if they are new, and the pages of what was judged."""
    from quality.data_docs import archive

    found = validation.as_artifact()
    if is_judged or latest is None or not found.says_as(latest):
        write_validation(artifacts, found)
    if is_judged and validation.data_docs:
        pages = archive(Path(validation.data_docs).parent, validation.run_id)
        artifacts.put(validation.run_id, DATA_DOCS, pages)


def _metadata(validation: Validation, held: Collection[Any]) -> dict[str, dg.MetadataValue[Any]]:
    met = sum(r.success for r in validation.results)
    found: dict[str, dg.MetadataValue[Any]] = {
        "successes": dg.MetadataValue.int(met),
        "failures": dg.MetadataValue.int(len(validation.failures)),
        "held": dg.MetadataValue.int(len(held)),
        "warnings": dg.MetadataValue.int(len(validation.failures) - len(validation.fatal)),
        "duration_s": dg.MetadataValue.float(round(validation.duration_s, 2)),
        "tables": dg.MetadataValue.md(rows_table(table_rows(validation))),
    }
    if validation.data_docs:
        found["data_docs"] = dg.MetadataValue.path(validation.data_docs)
    return found
