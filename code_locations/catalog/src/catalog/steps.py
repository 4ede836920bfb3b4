"""The pipeline as the catalog shows it, and where the raw tables come from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from catalog.datasets import ownership, platform_instance
from catalog.models import MODELS_OWNER
from catalog.tables import CatalogTable
from catalog.urns import ORCHESTRATOR, Naming
from stack.pipelines import DAILY

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

Touches = Literal["writes", "reads"]


@dataclass(frozen=True)
class Step:
    """One of the six assets, and which tables it writes or only reads."""

    asset: str
    description: str
    after: tuple[str, ...] = ()
    touches: Touches = "reads"
    tables: Literal["loaded", "models", "tested", "validated", "none"] = "none"


STEPS = (
    Step(
        "airbyte_sync_job",
        "Loads the shop's records into raw tables with an Airbyte connector.",
        touches="writes",
        tables="loaded",
    ),
    Step(
        "dlt_ingestion_pipeline",
        "Loads the exports of the freelancer's books into raw tables with dlt.",
        touches="writes",
        tables="loaded",
    ),
    Step(
        "dbt_run",
        "Builds staging, intermediate and mart models from the raw tables.",
        after=("airbyte_sync_job", "dlt_ingestion_pipeline"),
        touches="writes",
        tables="models",
    ),
    Step("dbt_test", "Runs dbt's tests on sources and models.", ("dbt_run",), tables="tested"),
    Step(
        "great_expectations_validation",
        "Validates raw tables and marts with Great Expectations.",
        ("dbt_test",),
        tables="validated",
    ),
    Step(
        "datahub_metadata_ingestion",
        "Describes tables, lineage and quality in DataHub.",
        ("dbt_test", "great_expectations_validation"),
    ),
)


@dataclass(frozen=True)
class Source:
    """What a loader reads: a dataset of another platform, upstream of one raw table."""

    platform: str
    kind: str
    meaning: str


SOURCES = {
    "airbyte_sync_job": Source("airbyte", "Stream", "Stream of an Airbyte connector"),
    "dlt_ingestion_pipeline": Source("file", "Export", "Exported files"),
}


def step_proposals(
    naming: Naming, tables: Iterable[CatalogTable], validated: Collection[tuple[str, str]]
) -> Iterator[Proposal]:
    """The flow and its six steps. `validated` are the tables that expectations are about.

    A step lists what it writes or what it checks, not both: DataHub would otherwise draw
    every table that a step reads as a source of every table that it writes. Which table
    comes from which is said table by table (`upstreamLineage`), where it is exact.
    """
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata import schema_classes as s

    tables = tuple(tables)
    flow = naming.flow(DAILY.name)
    aspects: list[Any] = [
        s.DataFlowInfoClass(name=DAILY.name, description=DAILY.description, env=naming.fabric),
        s.StatusClass(removed=False),
        ownership([MODELS_OWNER]),
    ]
    yield from MetadataChangeProposalWrapper.construct_many(flow, aspects)
    for step in STEPS:
        urns = _touched(step, naming, tables, validated)
        aspects = [
            s.DataJobInfoClass(
                name=step.asset,
                type=ORCHESTRATOR.upper(),
                description=step.description,
                flowUrn=flow,
                env=naming.fabric,
            ),
            s.DataJobInputOutputClass(
                inputDatasets=urns if step.touches == "reads" else [],
                outputDatasets=urns if step.touches == "writes" else [],
                inputDatajobs=[naming.job(DAILY.name, name) for name in step.after],
            ),
            s.StatusClass(removed=False),
            s.SubTypesClass(typeNames=["Asset"]),
            ownership([MODELS_OWNER]),
        ]
        yield from MetadataChangeProposalWrapper.construct_many(
            naming.job(DAILY.name, step.asset), aspects
        )


def source_proposals(naming: Naming, tables: Iterable[CatalogTable]) -> Iterator[Proposal]:
    """The systems that raw tables are loaded from, as upstreams of the tables."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata import schema_classes as s

    for table in tables:
        source = SOURCES.get(table.loader or "")
        if source is None:
            continue
        name = f"{table.raw.source}.{table.raw.name}" if table.raw else table.facts.name
        urn = naming.dataset(source.platform, name)
        aspects: list[Any] = [
            s.StatusClass(removed=False),
            platform_instance(source.platform, naming.instance),
            s.SubTypesClass(typeNames=[source.kind]),
            s.DatasetPropertiesClass(
                name=name,
                description=f"{source.meaning}: {table.description}",
                customProperties={"connector": table.connector} if table.connector else {},
            ),
            ownership(table.owners),
        ]
        yield from MetadataChangeProposalWrapper.construct_many(urn, aspects)
        yield MetadataChangeProposalWrapper(
            entityUrn=naming.table(*table.facts.key),
            aspect=s.UpstreamLineageClass(
                upstreams=[s.UpstreamClass(dataset=urn, type=s.DatasetLineageTypeClass.COPY)]
            ),
        )


def _touched(
    step: Step,
    naming: Naming,
    tables: tuple[CatalogTable, ...],
    validated: Collection[tuple[str, str]],
) -> list[str]:
    def touches(table: CatalogTable) -> bool:
        match step.tables:
            case "loaded":
                return table.loader == step.asset
            case "models":
                return table.dbt is not None and not table.dbt.is_source
            case "tested":
                return table.dbt is not None and table.dbt.tested
            case "validated":
                return table.facts.key in validated
            case "none":
                return False

    return sorted(naming.table(*t.facts.key) for t in tables if touches(t))
