"""Catalogue everything that can be: read, describe, prove, then write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from catalog.datasets import DatasetProposals, container_proposals, owner_proposals
from catalog.dbt_source import DbtKept, DbtMetadata, dbt_metadata
from catalog.emission import Emitted, Server
from catalog.expectations import expectation_proposals, validated_table
from catalog.flow import operation_proposals, source_proposals, step_proposals
from catalog.inputs import ARTIFACTS, Inputs, read_inputs
from catalog.inventory import TableFacts, read_inventory
from catalog.kept import Kept, KeptModel, keep, read_kept
from catalog.proposals import (
    Entities,
    artifact,
    collect,
    described,
    earlier,
    removal_proposals,
    stamp,
)
from catalog.records import Aspect, Proved, proof, prove, valid_digests
from catalog.settings import DataHubSettings
from catalog.sinks import write_file
from catalog.tables import MODELS_OWNER, CatalogTable, dbt_tables, describe
from catalog.urns import FABRICS, Naming
from stack.artifacts import ArtifactStore
from stack.gx_artifacts import VALIDATION
from stack.raw import raw_tables
from stack.settings import StackSettings, WarehouseSettings
from stack.warehouse import connect

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

# What is kept for the next run.
DBT, PROVED, EMITTED = "dbt_source", "proved", "emitted"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Description:
    """The warehouse as it is `at` now, in valid aspects, and what had to be left out.

    `dbt` has what is kept for the next run.
    """

    naming: Naming
    at: datetime
    tables: tuple[CatalogTable, ...]
    aspects: tuple[Aspect, ...]
    entities: Entities
    missing: tuple[str, ...]
    dbt: DbtMetadata

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """What the aspects propose."""
        return tuple(aspect.proposal for aspect in self.aspects)


@dataclass(frozen=True)
class Catalogued:
    """A description that has been written to `sink`, `sent` aspects of it anew."""

    description: Description
    sink: str
    sent: int
    duration_s: float


@dataclass(frozen=True)
class Catalogue:
    """What a run catalogues, and where to.

    With `everything`, nothing that an earlier run kept is used.
    """

    stack: StackSettings
    warehouse: WarehouseSettings
    datahub: DataHubSettings
    run_id: str
    progress: Progress
    everything: bool = False

    def write(self) -> Catalogued:
        """Describe the warehouse as it is now and write the description to the sink.

        Nothing is written before every proposal is known to be valid. Raises ArtifactError,
        DbtSourceError, InvalidProposalError, WarehouseError or EmitError.
        """
        started = time.perf_counter()
        description = self.describe()
        self._keep(description.naming, DBT, description.dbt.kept)
        self._keep(description.naming, PROVED, proof(description.aspects))
        sink, sent = self._sink(description)
        name, entities = artifact(description.naming), description.entities.as_json()
        self._store.put_json(self.run_id, name, entities)
        return Catalogued(description, sink, sent, time.perf_counter() - started)

    def describe(self) -> Description:
        """As `write`, without writing anything."""
        warehouse, instance = self.warehouse, self.datahub.datahub_platform_instance
        naming = Naming(warehouse.database, FABRICS[self.stack.dagster_env], instance)
        at = datetime.now(UTC)
        with connect(warehouse, read_only=True) as connection:
            inventory = read_inventory(connection, warehouse)
        self.progress(f"warehouse {warehouse.database}: {len(inventory)} tables and views")
        inputs = read_inputs(self._store)
        tables = describe(inventory, inputs, warehouse.dlt_dataset_name)
        kept, scratch = self._kept(naming, DBT, DbtKept), self.stack.scratch / "catalog"
        dbt = dbt_metadata(naming, inputs, tables, scratch, kept)
        found = tuple(
            _proposals(Facts(naming, inputs, tables, dbt, at, warehouse.dlt_dataset_name))
        )
        entities = earlier(self._store.get_json(artifact(naming))).then(
            described(found), complete=not inputs.missing
        )
        proposals = collect((*found, *removal_proposals(entities)))
        stamp(proposals, self.run_id, int(at.timestamp() * 1000))
        aspects = prove(proposals, valid_digests(self._kept(naming, PROVED, Proved)))
        self.progress(f"{len(aspects):,} aspects described and valid")
        missing = (*_missing(inputs, tables), *_not_built(inputs, inventory, warehouse))
        return Description(naming, at, tables, aspects, entities, missing, dbt)

    @cached_property
    def _store(self) -> ArtifactStore:
        return ArtifactStore(self.stack.artifacts)

    def _kept(self, naming: Naming, name: str, model: type[KeptModel]) -> KeptModel | None:
        return None if self.everything else read_kept(self._store, artifact(naming, name), model)

    def _keep(self, naming: Naming, name: str, kept: Kept) -> None:
        keep(self._store, self.run_id, artifact(naming, name), kept)

    def _sink(self, description: Description) -> tuple[str, int]:
        datahub, aspects, naming = self.datahub, description.aspects, description.naming
        if datahub.datahub_gms_url is None:
            sink = write_file(datahub.metadata_file(self.stack), [a.record for a in aspects])
            self.progress(f"wrote {sink}")
            return sink, len(aspects)
        url, token = datahub.datahub_gms_url, datahub.datahub_gms_token
        emitted, sent = Server(url, token, naming, self.run_id).emit_changes(
            aspects,
            self._kept(naming, EMITTED, Emitted),
            description.at,
            on_progress=lambda sent, of: self.progress(f"DataHub has {sent:,} of {of:,} aspects"),
        )
        self.progress(f"{len(aspects) - sent:,} aspects were there already")
        self._keep(naming, EMITTED, emitted)
        return url, sent


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
    yield from source_proposals(naming, tables)
    validated: set[tuple[str, str]] = set()
    if checked := inputs.validation:
        validated = {validated_table(result, facts.raw_schema) for result in checked.results}
        at = inputs.written[VALIDATION]
        yield from expectation_proposals(naming, checked, at, facts.raw_schema)
    yield from step_proposals(naming, inputs, tables, validated)
    yield from operation_proposals(naming, inputs, tables)
    yield from facts.dbt.proposals


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
    for key, table in sorted(dbt_tables(inputs.manifest).items()):
        if key not in there:
            yield f"{table.node.unique_id}: {warehouse.database}.{key[0]}.{key[1]} is not built yet"
