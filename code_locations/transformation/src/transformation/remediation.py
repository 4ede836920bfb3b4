"""`remediation_rebuild`: the second stage of a remediation."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dagster as dg

from stack.dbt_artifacts import Node
from stack.remediation.handover import (
    REBUILD,
    REINGESTION,
    Rebuild,
    Reingestion,
    RemediationError,
    leave,
    take,
)
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse.pool import WAREHOUSE_POOL
from transformation.assets import MANIFEST
from transformation.graph import Graph
from transformation.models import failing_models, run_models, run_tests, select
from transformation.project import DbtProject, load_project
from transformation.runner import NodeResult
from transformation.testing import findings


@dg.asset(
    deps=["remediation_reingestion"],
    group_name="remediation",
    kinds={"dbt", "duckdb"},
    owners=["team:analytics"],
    pool=WAREHOUSE_POOL,
    description="Rebuilds every model that depends on the reloaded raw tables, and tests them.",
)
def remediation_rebuild(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Rebuild in full and test. Fails if a model can't be built; tests count in the verdict."""
    try:
        before = take(context.run, REINGESTION, Reingestion)
    except RemediationError as error:
        raise dg.Failure(str(error), allow_retries=False) from None

    def report(result: NodeResult) -> None:
        context.log.info(f"{result.unique_id}: {result.status} ({result.duration_s:.2f} s)")

    scratch = load_settings(StackSettings).scratch / "dbt" / context.run.run_id
    project, warehouse = load_project(), load_settings(WarehouseSettings)
    tables, failing, errors = rebuild(before.raw_tables, project, warehouse, scratch, report)
    for line in (*failing, *errors):
        context.log.error(line)
    if errors:
        raise dg.Failure(f"{len(errors)} models failed: {'; '.join(errors)}", allow_retries=False)
    names = [".".join(table.asset_path) for table in tables]
    raw = [f"raw.{name}" for name in before.raw_tables]
    made = Rebuild(tables=tuple(dict.fromkeys([*raw, *names])), failing=tuple(failing))
    leave(context.run, REBUILD, made)
    return dg.MaterializeResult(
        metadata={"models": sum(not t.is_source for t in tables), "failing_tests": len(failing)}
    )


def rebuild(
    raw_names: Iterable[str],
    project: DbtProject,
    warehouse: WarehouseSettings,
    scratch: Path,
    report: Callable[[NodeResult], None],
) -> tuple[list[Node], list[str], list[str]]:
    """Build and test what depends on raw tables: (tables concerned, failing tests, failed models).

    In full, because an incremental model keeps rows that its source no longer has. Raises DbtError.
    """
    tables = hanging_on(MANIFEST, raw_names)
    models = [table.unique_id for table in tables if not table.is_source]
    if models:
        run = run_models(project, warehouse, scratch, report, ["--full-refresh", *select(models)])
        errors = failing_models(run, MANIFEST)
        if errors:
            return tables, [], errors
    concerned = {table.unique_id for table in tables}
    tests = [test.unique_id for test in MANIFEST.tests.values() if test.table in concerned]
    if not tests:
        return tables, [], []
    tested = run_tests(project, scratch, report, select(tests))
    failing = [f"dbt: {found.line}" for found in findings(tested, MANIFEST) if found.is_error]
    return tables, failing, []


def hanging_on(graph: Graph, raw_names: Iterable[str]) -> list[Node]:
    """The raw tables of these names that dbt knows, and every model built from them, in order."""
    wanted = set(raw_names)
    found: dict[str, Node] = {}
    for uid, table in graph.tables.items():  # each comes after its parents
        named = table.is_source and table.table in wanted
        if named or any(parent in found for parent in table.parents):
            found[uid] = table
    return list(found.values())
