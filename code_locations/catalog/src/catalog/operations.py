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
    """A change of a table: DataHub's operation type, when, how many rows (if known), by whom."""

    kind: str
    at: datetime
    rows: int | None
    by: str


def operation_proposals(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable], at: datetime
) -> Iterator[Proposal]:
    """An operation for each raw table that got rows and each model that dbt built as a table.

    A load that found nothing new is none: the table's last update stays what it was.
    """
    tables = tuple(tables)
    raw = {t.raw.table_name: t for t in tables if t.raw}
    for load, name, facts in inputs.loads():
        rows = int(facts.get("rows_loaded") or 0)
        if name in raw and rows:
            change = Change("INSERT", _time(facts.get("finished_at"), at), rows, load)
            yield _operation(naming.table(*raw[name].facts.key), at, change)
    models = {t.dbt.unique_id: t for t in tables if t.dbt and t.facts.kind == "table"}
    for result in inputs.document("dbt/run_results.json").get("results", []):
        table = models.get(result["unique_id"])
        if table is None or result.get("status") != "success":
            continue
        incremental = table.dbt is not None and table.dbt.materialized == "incremental"
        timing = {t["name"]: t for t in result.get("timing") or ()}
        affected = (result.get("adapter_response") or {}).get("rows_affected")
        change = Change(
            kind="UPDATE" if incremental else "CREATE",
            at=_time((timing.get("execute") or {}).get("completed_at"), at),
            rows=affected if isinstance(affected, int) and affected >= 0 else None,
            by="dbt",
        )
        yield _operation(naming.table(*table.facts.key), at, change)


def _operation(table_urn: str, at: datetime, change: Change) -> Proposal:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import OperationClass, OperationSourceTypeClass

    return MetadataChangeProposalWrapper(
        entityUrn=table_urn,
        aspect=OperationClass(
            timestampMillis=_millis(at),
            lastUpdatedTimestamp=_millis(change.at),
            operationType=change.kind,
            numAffectedRows=change.rows,
            sourceType=OperationSourceTypeClass.DATA_PROCESS,
            customProperties={"by": change.by},
        ),
    )


def _time(text: Any, otherwise: datetime) -> datetime:
    if not isinstance(text, str):
        return otherwise
    return datetime.fromisoformat(text)


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
