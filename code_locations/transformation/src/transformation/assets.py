"""`dbt_run` builds the models, `dbt_test` tests them; each model is also an asset of its own."""

from collections.abc import Callable, Iterator

import dagster as dg
from dagster import AssetExecutionContext

from stack.activity import ActivityLog
from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.held import since
from stack.options import RunOptions, takes_options
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import columns_by_table, connect
from stack.warehouse.pool import WAREHOUSE_POOL
from transformation.activity import activity_of
from transformation.asset_metadata import Warehouse, model_metadata, run_metadata
from transformation.daily import Daily, Made
from transformation.freshness import model_freshness
from transformation.graph import graph_of
from transformation.models import DbtRun, failing_models
from transformation.options import model_options, selection
from transformation.project import load_parsed, load_project
from transformation.runner import NodeResult
from transformation.specs import RUN, key_of, model_specs, run_spec, test_spec
from transformation.state import State
from transformation.testing import report_tests

_PARSED, CODE_VERSIONS = load_parsed(load_project())
MANIFEST = graph_of(_PARSED)


@takes_options
@dg.multi_asset(
    name="dbt_run",
    specs=[*model_specs(MANIFEST, CODE_VERSIONS), run_spec(MANIFEST)],
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def dbt_run(
    context: AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetObservation]:
    """Run the selected models that don't hold; those that succeed are materialised in any case.

    Raises UnknownModelError before any model runs if the option target_models names one.
    """
    selected = context.selected_asset_keys
    models = [model for model in MANIFEST.models if key_of(model) in selected]
    everything = RUN in selected
    stack, daily = load_settings(StackSettings), _daily(context, options, everything=everything)
    made = daily.make(
        scratch=stack.scratch / "dbt" / f"{context.run.run_id}-run",
        report=_progress(context),
        options=model_options(options, daily.project, None if everything else models),
        compares=options.is_full,
    )
    with connect(daily.settings, read_only=True) as connection:
        columns = columns_by_table(connection, daily.settings.database)
        warehouse = Warehouse(connection, daily.settings, columns)
        state = made.keep(warehouse)
        if made.run:
            for materialized in _materialized(made.run, warehouse, state):
                if materialized.asset_key in selected:
                    yield materialized
        stale = made.stale(connection)
    yield from _held(context, made)
    _log_activity(context, stack, made.run)
    if stale:
        _tell_of_stale(context, stack, stale)
    failed = failing_models(made.run, MANIFEST) if made.run else []
    if made.run and failed:
        skipped = sum(result.status == "skipped" for result in made.run.result.results)
        raise dg.Failure(
            f"{len(failed)} of {len(made.run.result.results)} models failed and {skipped} that "
            f"need them were skipped; the others are up to date. {'; '.join(failed)}",
            allow_retries=False,
        )
    if everything:
        yield dg.MaterializeResult(asset_key=RUN, metadata=_run_metadata(made, options))


@takes_options
@dg.multi_asset(name="dbt_test", specs=[test_spec()], pool=WAREHOUSE_POOL)
def dbt_test(
    context: AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult[None]]:
    """Run every data test; after recording all, fail if one of severity error failed."""
    stack, daily = load_settings(StackSettings), _daily(context, options)
    judged = daily.judge(
        scratch=stack.scratch / "dbt" / f"{context.run.run_id}-test",
        report=_progress(context),
        options=selection(options, daily.project),
    )
    _log_activity(context, stack, judged.run)
    yield from report_tests(context, stack, judged, MANIFEST)


def _daily(
    context: AssetExecutionContext, options: RunOptions, *, everything: bool = True
) -> Daily:
    return Daily(
        load_project(),
        load_settings(WarehouseSettings),
        ArtifactStore(load_settings(StackSettings).artifacts),
        context.run.run_id,
        lets_hold=everything and options.lets_hold,
    )


def _held(context: AssetExecutionContext, made: Made) -> Iterator[dg.AssetObservation]:
    """An observation of each model that holds, saying since when."""
    if not made.held:
        return
    context.log.info(f"{len(made.held)} models hold {since(made.held.values())}")
    for uid, claim in made.held.items():
        if uid in MANIFEST.tables:
            yield dg.AssetObservation(key_of(MANIFEST.tables[uid]), metadata=claim.metadata)


def _log_activity(context: AssetExecutionContext, stack: StackSettings, run: DbtRun | None) -> None:
    if run is not None:
        step = context.op_execution_context.op.name
        activity = activity_of(run, step, context.run.run_id, MANIFEST)
        ActivityLog(stack.artifacts).append(activity, context.log)


def _tell_of_stale(context: AssetExecutionContext, stack: StackSettings, stale: list[str]) -> None:
    """Report tables that held but shouldn't have, which is our own fault."""
    told = (
        f"{', '.join(stale)}: held since an earlier run, but made in full it is another; it is "
        "right now; please report it as a bug of what holds"
    )
    context.log.error(told)
    alert = Alert(
        type="held_was_stale",
        severity="error",
        description=told,
        source="dbt",
        tables=tuple(stale),
        run_id=context.run.run_id,
    )
    write_alert(stack.alerts, alert)


def _materialized(
    run: DbtRun, warehouse: Warehouse, state: State
) -> Iterator[dg.MaterializeResult[None]]:
    for result in run.result.results:
        model = MANIFEST.tables.get(result.unique_id)  # None if added since this was loaded
        if model is not None and result.status == "success":
            affected = run.rows_affected.get(model.unique_id)
            content = state.content(model.unique_id)
            yield dg.MaterializeResult(
                asset_key=key_of(model),
                metadata=model_metadata(model, result, affected, MANIFEST, warehouse)
                | model_freshness(model, warehouse),
                data_version=dg.DataVersion(content) if content else None,
            )


def _run_metadata(made: Made, options: RunOptions) -> dict[str, dg.MetadataValue]:
    chosen: dict[str, dg.MetadataValue] = {}
    if options.target_models:
        chosen["target_models"] = dg.MetadataValue.text(options.target_models)
    if options.force_full_refresh:
        chosen["full_refresh"] = dg.MetadataValue.bool(True)
    return chosen | run_metadata(made.run, "models", len(made.held))


def _progress(context: AssetExecutionContext) -> Callable[[NodeResult], None]:
    """Log a line for each model or test as it finishes."""

    def report(result: NodeResult) -> None:
        table = MANIFEST.tables.get(result.unique_id)
        if table is not None:
            name = ".".join(table.asset_path)
            context.log.info(f"{name}: {result.status} ({result.duration_s:.2f} s)")

    return report
