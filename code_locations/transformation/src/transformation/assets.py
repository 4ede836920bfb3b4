"""`dbt_run` makes the models, `dbt_test` tests them; each model is an asset of its own too."""

from collections.abc import Callable, Iterator

import dagster as dg
from dagster import AssetExecutionContext

from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import CATALOG, RUN_RESULTS, catalog_document
from stack.dbt_artifacts import MANIFEST as MANIFEST_ARTIFACT
from stack.options import RunOptions, takes_options
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect
from stack.warehouse.pool import WAREHOUSE_POOL
from transformation.asset_metadata import Warehouse, model_metadata
from transformation.facts import columns_by_table
from transformation.graph import graph_of
from transformation.models import DbtRun, failing_models, run_models, run_tests
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
) -> Iterator[dg.MaterializeResult[None]]:
    """Run the selected models; those that work are materialised even if others fail.

    Raises UnknownModelError before any model runs if the option target_models names another.
    """
    selected = context.selected_asset_keys
    models = [model for model in MANIFEST.models if key_of(model) in selected]
    everything = RUN in selected
    settings = load_settings(WarehouseSettings)
    stack, project = load_settings(StackSettings), load_project()
    run = run_models(
        project,
        settings,
        scratch=stack.scratch / "dbt" / f"{context.run.run_id}-run",
        report=_progress(context),
        options=model_options(options, project, None if everything else models),
    )
    with connect(settings, read_only=True) as connection:
        columns = columns_by_table(connection, settings, MANIFEST.tables.values())
        warehouse = Warehouse(connection, settings, columns)
        _keep_artifacts(run, warehouse, ArtifactStore(stack.artifacts), context.run.run_id)
        for materialized in _materialized(run, warehouse):
            if materialized.asset_key in selected:
                yield materialized
    failed = failing_models(run, MANIFEST)
    if failed:
        skipped = sum(result.status == "skipped" for result in run.result.results)
        raise dg.Failure(
            f"{len(failed)} of {len(run.result.results)} models failed and {skipped} that need "
            f"them were skipped; the others are up to date. {'; '.join(failed)}",
            allow_retries=False,
        )
    if everything:
        yield dg.MaterializeResult(asset_key=RUN, metadata=_run_metadata(run, options))


@takes_options
@dg.multi_asset(name="dbt_test", specs=[test_spec()], pool=WAREHOUSE_POOL)
def dbt_test(
    context: AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult[None]]:
    """Run every data test; fail after recording all if one of severity error fails."""
    stack, project = load_settings(StackSettings), load_project()
    scratch = stack.scratch / "dbt" / f"{context.run.run_id}-test"
    run = run_tests(project, scratch, _progress(context), selection(options, project))
    yield from report_tests(context, stack, run, MANIFEST)


def _materialized(run: DbtRun, warehouse: Warehouse) -> Iterator[dg.MaterializeResult[None]]:
    for result in run.result.results:
        model = MANIFEST.tables.get(result.unique_id)  # none if added since this was loaded
        if model is not None and result.status == "success":
            affected = run.rows_affected.get(model.unique_id)
            yield dg.MaterializeResult(
                asset_key=key_of(model),
                metadata=model_metadata(model, result, affected, MANIFEST, warehouse),
            )


def _keep_artifacts(run: DbtRun, warehouse: Warehouse, store: ArtifactStore, run_id: str) -> None:
    metadata = {
        name: run.run_results["metadata"].get(name)
        for name in ("dbt_version", "generated_at", "invocation_id")
    }
    catalog = catalog_document(
        warehouse.settings.database,
        (
            (table, table.materialized == "view", {column.name: column.type for column in columns})
            for uid, columns in warehouse.columns.items()
            for table in [MANIFEST.tables[uid]]
        ),
        {**metadata, "env": {}},
    )
    store.put(run_id, MANIFEST_ARTIFACT, run.manifest)
    store.put_json(run_id, RUN_RESULTS, run.run_results)
    store.put_json(run_id, CATALOG, catalog)


def _run_metadata(run: DbtRun, options: RunOptions) -> dict[str, dg.MetadataValue]:
    chosen: dict[str, dg.MetadataValue] = {}
    if options.target_models:
        chosen["target_models"] = dg.MetadataValue.text(options.target_models)
    if options.force_full_refresh:
        chosen["full_refresh"] = dg.MetadataValue.bool(True)
    return chosen | {
        "models": dg.MetadataValue.int(len(run.result.results)),
        "duration_s": dg.MetadataValue.float(round(run.run_results["elapsed_time"], 3)),
    }


def _progress(context: AssetExecutionContext) -> Callable[[NodeResult], None]:
    """Log a line for each model or test as it finishes."""

    def report(result: NodeResult) -> None:
        table = MANIFEST.tables.get(result.unique_id)
        if table is not None:
            name = ".".join(table.asset_path)
            context.log.info(f"{name}: {result.status} ({result.duration_s:.2f} s)")

    return report
