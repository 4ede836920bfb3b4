"""Which tables a run of dbt read and built, for the activity log."""

from __future__ import annotations

from collections.abc import Iterator

from stack.activity import Change, Entry, reads_of_tables
from stack.dbt_artifacts import NodeOutcome
from stack.sql_reads import tables_named
from transformation.graph import Graph
from transformation.models import DbtRun
from transformation.state import VIRTUAL

_RAN = ("success", "pass", "warn", "fail")


def activity_of(run: DbtRun, by: str, run_id: str, graph: Graph) -> list[Entry]:
    """What a run read, and which tables it built; a view reads nothing until it is queried."""
    virtual = {uid for uid, table in graph.tables.items() if table.materialized in VIRTUAL}
    ran = [r for r in run.result.results if r.status in _RAN and r.unique_id not in virtual]
    queries = [tables_named(result.compiled_code) for result in ran if result.compiled_code]
    reads = reads_of_tables(filter(None, queries), by, run_id)
    made = {r.unique_id for r in ran if r.status == "success" and r.unique_id in graph.tables}
    return [*reads, *_changes(run, made, by, run_id, graph)]


def _changes(run: DbtRun, made: set[str], by: str, run_id: str, graph: Graph) -> Iterator[Change]:
    for document in run.run_results["results"]:
        if document["unique_id"] not in made:
            continue
        outcome = NodeOutcome.model_validate(document)
        table = graph.tables[outcome.unique_id]
        if (at := outcome.executed_at) is not None:
            is_incremental = table.materialized == "incremental"
            yield Change(
                at=at,
                run_id=run_id,
                table=".".join(table.asset_path),
                by=by,
                how="load" if is_incremental else "create",
                rows=run.rows_affected.get(outcome.unique_id),
                seconds=outcome.execution_time,
            )
