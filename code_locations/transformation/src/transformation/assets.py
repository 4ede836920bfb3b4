"""`dbt_run` makes the models, `dbt_test` tests them; each model is an asset of its own too."""

from collections.abc import Callable, Iterator

import dagster as dg
from dagster import AssetExecutionContext

from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.held import since
from stack.options import RunOptions, takes_options
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect
from stack.warehouse.pool import WAREHOUSE_POOL
from transformation.asset_metadata import Warehouse, model_metadata, run_metadata
from transformation.daily import Daily, Made
from transformation.facts import columns_by_table
from transformation.graph import graph_of
from transformation.models import DbtRun, failing_models
from transformation.options import model_options, selection
from transformation.project import load_manifest, load_project
from transformation.runner import NodeResult
from transformation.specs import RUN, key_of, model_specs, run_spec, test_spec
from transformation.testing import report_tests

MANIFEST = graph_of(load_manifest(load_project()))


@takes_options
@dg.multi_asset(
    name="dbt_run",
    specs=[*model_specs(MANIFEST), run_spec(MANIFEST)],
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def dbt_run(
    context: AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetObservation]:
    """Run the selected models that don't hold; those that work are materialised at any rate.

    Raises UnknownModelError before any model runs if the option target_models names another.
    """
    selected = context.selected_asset_keys
    models = [model for model in MANIFEST.models if key_of(model) in selected]
    everything = RUN in selected
    stack, daily = load_settings(StackSettings), _daily(context, options, everything=everything)
    made = daily.make(
        scratch=stack.scratch / "dbt" / f"{context.run.run_id}-run",
        report=_progress(context),
        options=model_options(options, daily.project, None if everything else models),
        compares=options.full,
    )
    with connect(daily.settings, read_only=True) as connection:
        columns = columns_by_table(connection, daily.settings, made.before.graph.tables.values())
        warehouse = Warehouse(connection, daily.settings, columns)
        made.keep(warehouse)
        if made.run:
            for materialized in _materialized(made.run, warehouse):
                if materialized.asset_key in selected:
                    yield materialized
        stale = made.stale(connection)
    yield from _held(context, made)
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
    """Run every data test; fail after recording all if one of severity error fails."""
    stack, daily = load_settings(StackSettings), _daily(context, options)
    judged = daily.judge(
        scratch=stack.scratch / "dbt" / f"{context.run.run_id}-test",
        report=_progress(context),
        options=selection(options, daily.project),
    )
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
    """Say of the models that hold since when they do."""
    if not made.held:
        return
    context.log.info(f"{len(made.held)} models hold {since(made.held.values())}")
    for uid, claim in made.held.items():
        if uid in MANIFEST.tables:
            yield dg.AssetObservation(key_of(MANIFEST.tables[uid]), metadata=claim.metadata)


def _tell_of_stale(context: AssetExecutionContext, stack: StackSettings, stale: list[str]) -> None:
    """A table that held, and shouldn't have, is a fault of ours."""
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


def _materialized(run: DbtRun, warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    for result in run.result.results:
        model = MANIFEST.tables.get(result.unique_id)  # none if added since this was loaded
        if model is not None and result.status == "success":
            affected = run.rows_affected.get(model.unique_id)
            yield dg.MaterializeResult(
                asset_key=key_of(model),
                metadata=model_metadata(model, result, affected, MANIFEST, warehouse),
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
