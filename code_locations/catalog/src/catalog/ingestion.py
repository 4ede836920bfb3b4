"""Catalogue everything that can be: read, describe, prove, then write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from catalog.datasets import DatasetProposals, container_proposals, owner_proposals
from catalog.dbt_source import DbtMetadata, dbt_metadata
from catalog.expectations import ARTIFACT as VALIDATION
from catalog.expectations import expectation_proposals, validated_table
from catalog.inputs import ARTIFACTS, Inputs, read_inputs
from catalog.inventory import TableFacts, read_inventory
from catalog.models import MODELS_OWNER, dbt_tables
from catalog.operations import operation_proposals
from catalog.proposals import collect, stamp
from catalog.removal import Entities, artifact, described, earlier, removal_proposals
from catalog.settings import DataHubSettings
from catalog.sinks.file import write_file
from catalog.sinks.rest import emit
from catalog.steps import source_proposals, step_proposals
from catalog.tables import CatalogTable, describe
from catalog.urns import FABRICS, Naming
from stack.artifacts import ArtifactStore
from stack.raw import raw_tables
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Description:
    """The warehouse as it is now, in valid proposals, and what had to be left out."""

    naming: Naming
    tables: tuple[CatalogTable, ...]
    proposals: tuple[Proposal, ...]
    entities: Entities
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Catalogued:
    """A description that has been written to `sink`."""

    description: Description
    sink: str
    duration_s: float


def catalogue(run_id: str, progress: Progress) -> Catalogued:
    """Describe the warehouse as it is now and write the description to the sink.

    Nothing is written before every proposal is known to be valid. Raises ArtifactError,
    DbtSourceError, InvalidProposalError, WarehouseError or EmitError.
    """
    started = time.perf_counter()
    description = describe_warehouse(run_id, progress)
    sink = _write(description.proposals, progress)
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    store.put_json(run_id, artifact(description.naming), description.entities.as_json())
    return Catalogued(description, sink, time.perf_counter() - started)


def describe_warehouse(run_id: str, progress: Progress) -> Description:
    """As `catalogue`, without writing anything."""
    stack, warehouse = load_settings(StackSettings), load_settings(WarehouseSettings)
    instance = load_settings(DataHubSettings).datahub_platform_instance
    naming = Naming(warehouse.database, FABRICS[stack.dagster_env], instance)
    at = datetime.now(UTC)
    with connect(warehouse, read_only=True) as connection:
        inventory = read_inventory(connection, warehouse)
    progress(f"warehouse {warehouse.database}: {len(inventory)} tables and views")
    store = ArtifactStore(stack.artifacts)
    inputs = read_inputs(store)
    tables = describe_tables(inventory, inputs, warehouse)
    dbt = dbt_metadata(naming, inputs, tables, run_id, stack.scratch / "catalog")
    facts = Facts(naming, inputs, tables, dbt, at, warehouse.dlt_dataset_name)
    found = tuple(_proposals(facts))
    entities = earlier(store.get_json(artifact(naming))).then(
        described(found), complete=not inputs.missing
    )
    proposals = collect((*found, *removal_proposals(entities)))
    stamp(proposals, run_id, int(at.timestamp() * 1000))
    progress(f"{len(proposals):,} aspects described and valid")
    missing = (*_missing(inputs, tables), *_not_built(inputs, inventory, warehouse))
    return Description(naming, tables, proposals, entities, missing, dbt.warnings)


def describe_tables(
    inventory: tuple[TableFacts, ...], inputs: Inputs, warehouse: WarehouseSettings
) -> tuple[CatalogTable, ...]:
    """The tables of the warehouse with what declarations and dbt say about them."""
    return describe(
        inventory,
        raw_tables(),
        dbt_tables(inputs.document("dbt/manifest.json")),
        inputs.loads(),
        warehouse.dlt_dataset_name,
    )


@dataclass(frozen=True)
class Facts:
    """All that is known when the proposals are made. `at` is the time of this run."""

    naming: Naming
    inputs: Inputs
    tables: tuple[CatalogTable, ...]
    dbt: DbtMetadata
    at: datetime
    raw_schema: str


def _proposals(facts: Facts) -> Iterator[Proposal]:
    naming, inputs, tables = facts.naming, facts.inputs, facts.tables
    yield from owner_proposals([MODELS_OWNER, *(name for t in tables for name in t.owners)])
    yield from container_proposals(naming, tables)
    datasets = DatasetProposals(naming, facts.at)
    for table in tables:
        yield from datasets.of(table)
    results = inputs.document(VALIDATION).get("results", [])
    validated = {validated_table(result, facts.raw_schema) for result in results}
    yield from source_proposals(naming, tables)
    yield from step_proposals(naming, tables, validated)
    yield from operation_proposals(naming, inputs, tables)
    yield from expectation_proposals(naming, inputs, facts.raw_schema)
    yield from facts.dbt.proposals


def _write(proposals: tuple[Proposal, ...], progress: Progress) -> str:
    datahub = load_settings(DataHubSettings)
    if datahub.datahub_gms_url is None:
        sink = write_file(datahub.metadata_file(load_settings(StackSettings)), proposals)
        progress(f"wrote {sink}")
        return sink
    return emit(
        datahub.datahub_gms_url,
        datahub.datahub_gms_token,
        proposals,
        on_progress=lambda sent: progress(f"DataHub has {sent:,} of {len(proposals):,} aspects"),
    )


def _missing(inputs: Inputs, tables: tuple[CatalogTable, ...]) -> Iterator[str]:
    for name in inputs.missing:
        yield f"{name}: {ARTIFACTS[name]}"
    found = {t.raw.table_name for t in tables if t.raw}
    for table in raw_tables():
        if table.table_name not in found:
            yield f"raw table {table.table_name}: not in the warehouse yet"


def _not_built(
    inputs: Inputs, inventory: tuple[TableFacts, ...], warehouse: WarehouseSettings
) -> Iterator[str]:
    there = {facts.key for facts in inventory}
    for key, table in sorted(dbt_tables(inputs.document("dbt/manifest.json")).items()):
        if key not in there:
            yield f"{table.unique_id}: {warehouse.database}.{key[0]}.{key[1]} is not built yet"
