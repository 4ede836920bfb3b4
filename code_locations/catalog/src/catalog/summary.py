"""What a catalogue run reports: its numbers, and whether every table is described."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from catalog.proposals import entities_by_type
from stack.markdown import markdown_list, markdown_table

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

    from catalog.ingestion import Catalogued, Description

EVERY_TABLE = "every_table_is_catalogued"


def metadata(catalogued: Catalogued) -> dict[str, Any]:
    """Materialisation metadata of a run."""
    described = catalogued.description
    removed = described.entities.removed
    entities = entities_by_type(p for p in described.proposals if p.entityUrn not in removed)
    tables, columns = lineage_edges(described.proposals)
    passed, failed = assertion_results(described.proposals)
    return {
        "entities": dg.MetadataValue.md(markdown_table(("type", "entities"), entities.items())),
        "entities_total": sum(entities.values()),
        "aspects": len(described.aspects),
        "aspects_sent": catalogued.sent,
        "models_parsed": described.dbt.parsed,
        "lineage_edges": tables,
        "column_lineage_edges": columns,
        "assertions_passed": passed,
        "assertions_failed": failed,
        "incidents_open": described.incidents.opened,
        "entities_removed": len(removed),
        "sink": catalogued.sink,
        "missing": dg.MetadataValue.md(markdown_list(described.missing, "nothing")),
        "warnings": dg.MetadataValue.md(markdown_list(described.dbt.warnings, "none")),
        "duration_s": round(catalogued.duration_s, 3),
    }


def held_metadata(catalogued: Catalogued) -> dict[str, Any] | None:
    """What a later run reports about a catalog that holds; None if it has gaps to be filled."""
    if not coverage(catalogued.description).passed:
        return None
    return {
        "aspects": len(catalogued.description.aspects),
        "aspects_sent": 0,
        "sink": catalogued.sink,
    }


def lineage_edges(proposals: Iterable[Proposal]) -> tuple[int, int]:
    """Upstream edges between datasets, and between their columns."""
    from datahub.metadata.schema_classes import UpstreamLineageClass

    lineages = [p.aspect for p in proposals if isinstance(p.aspect, UpstreamLineageClass)]
    return (
        sum(len(lineage.upstreams) for lineage in lineages),
        sum(
            len(fine.upstreams or ())
            for lineage in lineages
            for fine in lineage.fineGrainedLineages or ()
        ),
    )


def assertion_results(proposals: Iterable[Proposal]) -> tuple[int, int]:
    """Assertions whose latest run passed, and those whose latest run didn't."""
    from datahub.metadata.schema_classes import AssertionRunEventClass

    results = [
        p.aspect.result.type == "SUCCESS"
        for p in proposals
        if isinstance(p.aspect, AssertionRunEventClass) and p.aspect.result
    ]
    return sum(results), len(results) - sum(results)


def coverage(description: Description) -> dg.AssetCheckResult:
    """Whether every table has columns, a description and an owner among the proposals."""
    aspects = {(p.entityUrn, p.aspectName): p.aspect for p in description.proposals}
    lacking = []
    for table in description.tables:
        urn = description.naming.table(*table.facts.key)
        found = (
            aspects.get((urn, n)) for n in ("schemaMetadata", "datasetProperties", "ownership")
        )
        if gaps := ", ".join(_gaps(*found)):
            lacking.append(f"{table.facts.schema}.{table.facts.name}: {gaps}")
    tables = len(description.tables)
    return dg.AssetCheckResult(
        check_name=EVERY_TABLE,
        passed=not lacking,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{tables - len(lacking)} of {tables} tables and views have columns, a "
        "description and an owner in the catalog",
        metadata={
            "tables": tables,
            "lacking": dg.MetadataValue.md(markdown_list(lacking, "nothing")),
        },
    )


def _gaps(schema: Any, properties: Any, owners: Any) -> Iterator[str]:
    if schema is None or not schema.fields:
        yield "columns"
    if properties is None or not properties.description:
        yield "description"
    if owners is None or not owners.owners:
        yield "owner"
