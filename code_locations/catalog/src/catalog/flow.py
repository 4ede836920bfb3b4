"""How data flows: pipeline steps, the sources of raw tables, and when tables changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from catalog.datasets import ownership, platform_instance
from catalog.inputs import Inputs
from catalog.tables import MODELS_OWNER, CatalogTable
from catalog.urns import ORCHESTRATOR, Naming
from stack.activity import DAGSTER, Change
from stack.dbt_artifacts import RUN_RESULTS, NodeOutcome
from stack.pipelines import DAILY, PIPELINES, Pipeline

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

Touches = Literal["writes", "reads"]


@dataclass(frozen=True)
class Step:
    """An asset that is a pipeline's step, and the tables that it writes or only reads."""

    asset: str
    description: str
    after: tuple[str, ...] = ()
    touches: Touches = "reads"
    tables: Literal["loaded", "models", "tested", "validated", "none"] = "none"
    pipeline: Pipeline = DAILY


def _steps(inputs: Inputs) -> Iterator[Step]:
    """Each loader that is declared or left a report, then what comes after them."""
    for asset in inputs.loaders:
        sources = sorted({t.source for t in inputs.raw_tables.values() if t.loader == asset})
        yield Step(
            asset,
            f"Loads {', '.join(sources) or 'records'} into raw tables.",
            touches="writes",
            tables="loaded",
            pipeline=_pipeline_of(asset),
        )
    yield Step(
        "dbt_run",
        "Builds staging, intermediate and mart models from the raw tables.",
        after=tuple(asset for asset in inputs.loaders if _pipeline_of(asset) is DAILY),
        touches="writes",
        tables="models",
    )
    yield Step("dbt_test", "Runs dbt's tests on sources and models.", ("dbt_run",), tables="tested")
    yield Step(
        "great_expectations_validation",
        "Validates raw tables and marts with Great Expectations.",
        ("dbt_test",),
        tables="validated",
    )
    yield Step(
        "datahub_metadata_ingestion",
        "Describes tables, lineage and quality in DataHub.",
        ("dbt_test", "great_expectations_validation"),
    )


def _pipeline_of(loader: str) -> Pipeline:
    """The daily one, unless another names the loader as its own."""
    return next((p for p in PIPELINES if p.only and loader in p.only), DAILY)


def step_proposals(
    naming: Naming,
    inputs: Inputs,
    tables: Iterable[CatalogTable],
    validated: Collection[tuple[str, str]],
) -> Iterator[Proposal]:
    """The flows and their steps. `validated` are the tables that expectations are about.

    A step lists what it writes or what it checks, not both: DataHub would otherwise draw every
    table that a step reads as a source of every table that it writes. Exact lineage is given
    table by table (`upstreamLineage`).
    """
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata import schema_classes as s

    tables, steps = tuple(tables), tuple(_steps(inputs))
    for pipeline in dict.fromkeys(step.pipeline for step in steps):
        aspects: list[Any] = [
            s.DataFlowInfoClass(
                name=pipeline.name, description=pipeline.description, env=naming.fabric
            ),
            s.StatusClass(removed=False),
            ownership([MODELS_OWNER]),
        ]
        yield from MetadataChangeProposalWrapper.construct_many(naming.flow(pipeline.name), aspects)
    for step in steps:
        urns = _touched(step, naming, tables, validated)
        aspects = [
            s.DataJobInfoClass(
                name=step.asset,
                type=ORCHESTRATOR.upper(),
                description=step.description,
                flowUrn=naming.flow(step.pipeline.name),
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
            naming.job(step.pipeline.name, step.asset), aspects
        )


def source_proposals(naming: Naming, tables: Iterable[CatalogTable]) -> Iterator[Proposal]:
    """What raw tables are loaded from: datasets of other platforms, as their upstreams."""
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata import schema_classes as s

    for table in tables:
        raw = table.raw
        if raw is None or table.loader is None:
            continue
        name = f"{raw.source}.{raw.name}"
        urn = naming.dataset(raw.platform, name)
        aspects: list[Any] = [
            s.StatusClass(removed=False),
            platform_instance(raw.platform, naming.instance),
            s.SubTypesClass(typeNames=["Source"]),
            s.DatasetPropertiesClass(
                name=name,
                description=f"What {table.loader} loads: {table.description}",
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
                return table.dbt is not None and not table.dbt.node.is_source
            case "tested":
                return table.dbt is not None and table.dbt.tested
            case "validated":
                return table.facts.key in validated
            case "none":
                return False

    return sorted(naming.table(*t.facts.key) for t in tables if touches(t))


def operation_proposals(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable]
) -> Iterator[Proposal]:
    """The last change of each table, and all recent ones: loads, and builds by dbt.

    A load that found nothing new doesn't count: the table's last update stays what it was.
    """
    known = {".".join(table.asset_path): table for table in tables}
    logged = {(change.table, change.at): change for change in inputs.changes}
    for table in known.values():
        if table.load and (change := table.load.change):
            yield _operation(naming, table, change)
    models = {t.dbt.node.unique_id: t for t in known.values() if t.dbt and t.facts.kind == "table"}
    for result in inputs.run_results.results:
        if result.passed and (model := models.get(result.unique_id)):
            build = _build(model, result, inputs.written[RUN_RESULTS])
            if same := logged.get((build.table, build.at)):
                rows = same.rows if build.rows is None else build.rows
                build = build.model_copy(update={"run_id": same.run_id, "rows": rows})
            yield _operation(naming, model, build)
    for change in logged.values():
        if found := known.get(change.table):
            yield _operation(naming, found, change)


def _build(table: CatalogTable, result: NodeOutcome, reported: datetime) -> Change:
    """A model's build: a table is rebuilt with all its rows, an incremental one gets some."""
    is_anew = table.dbt is None or table.dbt.node.materialized != "incremental"
    affected = result.adapter_response.get("rows_affected")
    known = isinstance(affected, int) and affected >= 0
    return Change(
        at=result.executed_at or reported,
        table=".".join(table.asset_path),
        by="dbt_run",
        how="create" if is_anew else "load",
        rows=table.facts.rows if is_anew else affected if known else None,
        seconds=result.execution_time,
    )


def _operation(naming: Naming, table: CatalogTable, change: Change) -> Proposal:
    from datahub.emitter.mce_builder import make_user_urn
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import OperationClass, OperationSourceTypeClass

    # The change's time, not this run's: cataloguing it again must not report it twice.
    millis = int(change.at.timestamp() * 1000)
    known = {
        "asset": change.by,
        "dagster_run_id": change.run_id or None,
        "duration_s": None if change.seconds is None else f"{change.seconds:.3f}",
        "rows_inserted": change.inserted,
        "rows_updated": change.updated,
        "rows_marked_removed": change.removed,
    }
    return MetadataChangeProposalWrapper(
        entityUrn=naming.table(*table.facts.key),
        aspect=OperationClass(
            timestampMillis=millis,
            lastUpdatedTimestamp=millis,
            operationType=_kind(table, change),
            actor=make_user_urn(DAGSTER),
            numAffectedRows=change.rows,
            sourceType=OperationSourceTypeClass.DATA_PROCESS,
            customProperties={k: str(v) for k, v in known.items() if v is not None},
        ),
    )


def _kind(table: CatalogTable, change: Change) -> str:
    """DataHub's name for it; for a load that did several things, the most significant."""
    if change.how == "create":
        return "CREATE"
    if change.removed and change.rows == change.removed:
        return "DELETE"
    return "UPDATE" if change.updated or not table.is_raw else "INSERT"
