"""Whether the catalog describes every table as it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from catalog.tables import CatalogTable
from catalog.urns import Naming

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal


@dataclass(frozen=True)
class Verdict:
    """Tables looked at, and what each lacks, as `schema.table: columns, owner`."""

    tables: int
    lacking: tuple[str, ...]

    def as_arguments(self) -> dict[str, Any]:
        """What Dagster's check result takes."""
        return {
            "passed": not self.lacking,
            "severity": dg.AssetCheckSeverity.WARN,
            "description": f"{self.tables - len(self.lacking)} of {self.tables} tables and views "
            "have columns, a description and an owner in the catalog",
            "metadata": {
                "tables": self.tables,
                "lacking": dg.MetadataValue.md(
                    "\n".join(f"- {line}" for line in self.lacking) or "nothing"
                ),
            },
        }


def evaluate(
    naming: Naming, tables: Iterable[CatalogTable], proposals: Iterable[Proposal]
) -> Verdict:
    """Look for schema, description and owner of every table among the proposals."""
    aspects = {(p.entityUrn, p.aspectName): p.aspect for p in proposals}
    tables = tuple(tables)
    lacking = []
    for table in tables:
        urn = naming.table(*table.facts.key)
        gaps = list(
            _gaps(
                aspects.get((urn, "schemaMetadata")),
                aspects.get((urn, "datasetProperties")),
                aspects.get((urn, "ownership")),
            )
        )
        if gaps:
            lacking.append(f"{table.facts.schema}.{table.facts.name}: {', '.join(gaps)}")
    return Verdict(len(tables), tuple(lacking))


def _gaps(schema: Any, properties: Any, owners: Any) -> Iterator[str]:
    if schema is None or not schema.fields:
        yield "columns"
    if properties is None or not properties.description:
        yield "description"
    if owners is None or not owners.owners:
        yield "owner"
