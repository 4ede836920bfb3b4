"""What a catalogue run tells people about itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dagster as dg

from catalog.ingestion import Catalogued
from catalog.proposals import entities_by_type

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal


def metadata(catalogued: Catalogued) -> dict[str, Any]:
    """Materialisation metadata of a run."""
    described = catalogued.description
    removed = described.entities.removed
    entities = entities_by_type(p for p in described.proposals if p.entityUrn not in removed)
    tables, columns = lineage_edges(described.proposals)
    passed, failed = assertion_results(described.proposals)
    return {
        "entities": dg.MetadataValue.md(_table(("type", "entities"), entities.items())),
        "entities_total": sum(entities.values()),
        "aspects": len(described.proposals),
        "lineage_edges": tables,
        "column_lineage_edges": columns,
        "assertions_passed": passed,
        "assertions_failed": failed,
        "entities_removed": len(removed),
        "sink": catalogued.sink,
        "missing": dg.MetadataValue.md(_list(described.missing) or "nothing"),
        "warnings": dg.MetadataValue.md(_list(described.warnings) or "none"),
        "duration_s": round(catalogued.duration_s, 3),
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
    """Assertions whose latest run passed, and those whose run didn't."""
    from datahub.metadata.schema_classes import AssertionRunEventClass

    results = [
        p.aspect.result.type == "SUCCESS"
        for p in proposals
        if isinstance(p.aspect, AssertionRunEventClass) and p.aspect.result
    ]
    return sum(results), len(results) - sum(results)


def _table(header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
