"""`dbt_run` makes the models, `dbt_test` tests them; each model is an asset of its own too."""

from collections.abc import Callable, Iterator

import dagster as dg
from dagster import AssetExecutionContext

from stack.artifacts import ArtifactStore
from stack.options import RunOptions, takes_options
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect
from stack.warehouse.pool import WAREHOUSE_POOL
from transformation.asset_metadata import Warehouse, model_metadata
from transformation.catalog_artifact import build_catalog
from transformation.facts import columns_by_table
from transformation.manifest import Manifest, read_manifest
from transformation.models import DbtRun, failing_models, run_models
from transformation.options import model_options, selection
from transformation.project import load_manifest, load_project
from transformation.runner import NodeResult
from transformation.specs import RUN, key_of, model_specs, run_spec, test_spec
from transformation.testing import test_and_report

MANIFEST = read_manifest(load_manifest(load_project()))


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
    stack = load_settings(StackSettings)
    run = run_models(
        load_project(),
        settings,
        scratch=stack.scratch / "dbt" / f"{context.run.run_id}-run",
        report=_progress(context, MANIFEST),
        options=model_options(options, None if everything else models),
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
    yield from test_and_report(context, MANIFEST, _progress(context, MANIFEST), selection(options))


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
    database, metadata = warehouse.settings.database, run.run_results["metadata"]
    catalog = build_catalog(MANIFEST, warehouse.columns, database, metadata)
    store.put_json(run_id, "dbt/manifest.json", run.manifest)
    store.put_json(run_id, "dbt/run_results.json", run.run_results)
    store.put_json(run_id, "dbt/catalog.json", catalog)


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


def _progress(context: AssetExecutionContext, manifest: Manifest) -> Callable[[NodeResult], None]:
    """Log a line for each model or test as it finishes."""

    def report(result: NodeResult) -> None:
        table = manifest.tables.get(result.unique_id)
        if table is not None:
            name = ".".join(table.asset_path)
            context.log.info(f"{name}: {result.status} ({result.duration_s:.2f} s)")

    return report
