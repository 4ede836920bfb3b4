"""The pipeline as the catalog shows it, and where the raw tables come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from catalog.datasets import ownership
from catalog.inputs import Inputs
from catalog.models import MODELS_OWNER
from catalog.tables import CatalogTable
from catalog.urns import ORCHESTRATOR, Naming
from stack.pipelines import DAILY

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

Touches = Literal["writes", "reads"]


@dataclass(frozen=True)
class Step:
    """One of the six assets. `tables` says which it touches: a load's name, or dbt's models."""

    asset: str
    description: str
    after: tuple[str, ...] = ()
    touches: Touches = "reads"
    tables: Literal["airbyte", "books", "models", "validated", "none"] = "none"


STEPS = (
    Step(
        "airbyte_sync_job",
        "Loads the shop's records into raw tables with an Airbyte connector.",
        touches="writes",
        tables="airbyte",
    ),
    Step(
        "dlt_ingestion_pipeline",
        "Loads the exports of the freelancer's books into raw tables with dlt.",
        touches="writes",
        tables="books",
    ),
    Step(
        "dbt_run",
        "Builds staging, intermediate and mart models from the raw tables.",
        after=("airbyte_sync_job", "dlt_ingestion_pipeline"),
        touches="writes",
        tables="models",
    ),
    Step("dbt_test", "Runs dbt's tests on sources and models.", ("dbt_run",), tables="models"),
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
    """What a load reads: a dataset of another platform, upstream of one raw table."""

    platform: str
    kind: str
    meaning: str


SOURCES = {
    "airbyte": Source("airbyte", "Stream", "Stream of an Airbyte connector"),
    "books": Source("file", "Export", "Exported files"),
}


def step_proposals(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable]
) -> Iterator[Proposal]:
    """The flow and its six steps.

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
        urns = _touched(step, naming, inputs, tables)
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


def source_proposals(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable]
) -> Iterator[Proposal]:
    """The systems that raw tables are loaded from, as upstreams of the tables."""
    from datahub.emitter.mce_builder import (
        make_data_platform_urn,
        make_dataplatform_instance_urn,
    )
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata import schema_classes as s

    by_name = {t.raw.table_name: t for t in tables if t.raw}
    for load, name, _facts in inputs.loads():
        table = by_name.get(name)
        if table is None or table.raw is None:
            continue
        source = SOURCES[load]
        urn = naming.dataset(source.platform, f"{table.raw.source}.{table.raw.name}")
        instance = naming.instance
        aspects: list[Any] = [
            s.StatusClass(removed=False),
            s.DataPlatformInstanceClass(
                platform=make_data_platform_urn(source.platform),
                instance=make_dataplatform_instance_urn(source.platform, instance)
                if instance
                else None,
            ),
            s.SubTypesClass(typeNames=[source.kind]),
            s.DatasetPropertiesClass(
                name=f"{table.raw.source}.{table.raw.name}",
                description=f"{source.meaning}: {table.raw.description}",
            ),
            ownership([table.raw.owner]),
        ]
        yield from MetadataChangeProposalWrapper.construct_many(urn, aspects)
        yield MetadataChangeProposalWrapper(
            entityUrn=naming.table(*table.facts.key),
            aspect=s.UpstreamLineageClass(
                upstreams=[s.UpstreamClass(dataset=urn, type=s.DatasetLineageTypeClass.COPY)]
            ),
        )


def _touched(
    step: Step, naming: Naming, inputs: Inputs, tables: tuple[CatalogTable, ...]
) -> list[str]:
    loaded = {name for load, name, _ in inputs.loads() if load == step.tables}
    results = inputs.document("gx/validation_result.json").get("results", [])
    validated = {(r["schema"], r["table"]) for r in results}
    return sorted(
        naming.table(*t.facts.key)
        for t in tables
        if (t.raw and t.raw.table_name in loaded)
        or (step.tables == "models" and t.dbt and not t.dbt.is_source)
        or (step.tables == "validated" and t.facts.key in validated)
    )
