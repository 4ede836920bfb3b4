"""When the tables last changed and by how many rows, from what loads and dbt reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog.inputs import Inputs
from catalog.tables import CatalogTable
from catalog.urns import Naming

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal


@dataclass(frozen=True)
class Change:
    """A change of a table: DataHub's operation type, when, how many rows (if known), by whom.

    `seconds` is how long it took, if that is known.
    """

    kind: str
    at: datetime
    rows: int | None
    by: str
    seconds: float | None = None


def operation_proposals(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable]
) -> Iterator[Proposal]:
    """An operation for each raw table that got rows and each model that dbt built as a table.

    A load that found nothing new is none: the table's last update stays what it was.
    """
    tables = tuple(tables)
    raw = {t.facts.name: t for t in tables if t.is_raw}
    for name, load in inputs.loads().items():
        rows = int(load.facts.get("rows_loaded") or 0)
        if name in raw and rows:
            change = Change("INSERT", load.at, rows, load.asset, load.facts.get("duration_s"))
            yield _operation(naming.table(*raw[name].facts.key), change)
    models = {t.dbt.unique_id: t for t in tables if t.dbt and t.facts.kind == "table"}
    for result in inputs.document("dbt/run_results.json").get("results", []):
        table = models.get(result["unique_id"])
        if table is not None and result.get("status") == "success":
            change = _build(table, result, inputs.written["dbt/run_results.json"])
            yield _operation(naming.table(*table.facts.key), change)


def _build(table: CatalogTable, result: Any, reported: datetime) -> Change:
    """A model's build: a table is made anew with all its rows, an incremental one gets some."""
    timing = {t["name"]: t for t in result.get("timing") or ()}
    finished = (timing.get("execute") or {}).get("completed_at")
    at = datetime.fromisoformat(finished) if finished else reported
    seconds = result.get("execution_time")
    if table.dbt is None or table.dbt.materialized != "incremental":
        return Change("CREATE", at, table.facts.rows, "dbt_run", seconds)
    affected = (result.get("adapter_response") or {}).get("rows_affected")
    known = isinstance(affected, int) and affected >= 0
    return Change("UPDATE", at, affected if known else None, "dbt_run", seconds)


def _operation(table_urn: str, change: Change) -> Proposal:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import OperationClass, OperationSourceTypeClass

    # The change's time, not this run's: cataloguing it again must not report it twice.
    millis = int(change.at.timestamp() * 1000)
    return MetadataChangeProposalWrapper(
        entityUrn=table_urn,
        aspect=OperationClass(
            timestampMillis=millis,
            lastUpdatedTimestamp=millis,
            operationType=change.kind,
            numAffectedRows=change.rows,
            sourceType=OperationSourceTypeClass.DATA_PROCESS,
            customProperties={
                "asset": change.by,
                **({} if change.seconds is None else {"duration_s": f"{change.seconds:.3f}"}),
            },
        ),
    )
