"""Catalogue everything: read, describe, validate, then write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from catalog.datasets import DatasetProposals, container_proposals, owner_proposals
from catalog.dbt_source import DbtKept, DbtMetadata, dbt_metadata
from catalog.emission import EMITTED, Emitted, Server
from catalog.expectations import expectation_proposals, validated_table
from catalog.flow import operation_proposals, source_proposals, step_proposals
from catalog.incidents import Incidents, incident_proposals
from catalog.inputs import ARTIFACTS, Inputs, read_inputs
from catalog.inventory import TableFacts, read_inventory
from catalog.kept import Kept, KeptModel, keep, read_kept
from catalog.missed import Missed
from catalog.profiles import Profiler, Profiles, with_profiles
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
from catalog.usage import usage_proposals
from stack.artifacts import ArtifactStore
from stack.gx_artifacts import VALIDATION
from stack.raw import raw_tables
from stack.settings import StackSettings, WarehouseSettings
from stack.warehouse import connect

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
    from duckdb import DuckDBPyConnection

# Artifacts for the next run.
DBT, PROVED = "dbt_source", "proved"
PROFILES, INCIDENTS = "profiles", "incidents"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Description:
    """The warehouse as it is `at` now, in valid aspects, and what had to be left out.

    `dbt`, `profiles` and `incidents` are stored for the next run.
    """

    naming: Naming
    at: datetime
    tables: tuple[CatalogTable, ...]
    aspects: tuple[Aspect, ...]
    entities: Entities
    missing: tuple[str, ...]
    dbt: DbtMetadata
    profiles: Profiles
    incidents: Incidents

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """The proposals of the aspects."""
        return tuple(aspect.proposal for aspect in self.aspects)


@dataclass(frozen=True)
class Catalogued:
    """A description that was written to `sink`; `sent` counts the aspects that were new."""

    description: Description
    sink: str
    sent: int
    duration_s: float


@dataclass(frozen=True)
class Catalogue:
    """What a run catalogues, and where it writes.

    With `everything`, nothing that an earlier run stored is reused.
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
        self._keep(description.naming, PROFILES, description.profiles)
        # Before sending them: sending the same ones again does no harm.
        self._keep(description.naming, INCIDENTS, description.incidents)
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
            profiles = self._profiled(naming, inventory, connection, at)
        inventory = with_profiles(inventory, profiles)
        self.progress(f"warehouse {warehouse.database}: {len(inventory)} tables and views")
        inputs = read_inputs(self._store, self.datahub.first_day(at.date()))
        tables = describe(inventory, inputs, warehouse.dlt_dataset_name)
        kept, scratch = self._kept(naming, DBT, DbtKept), self.stack.scratch / "catalog"
        dbt = dbt_metadata(naming, inputs, tables, scratch, kept)
        facts = Facts(naming, inputs, tables, dbt, profiles, warehouse.dlt_dataset_name)
        found = tuple(_proposals(facts))
        is_complete = not inputs.missing
        incidents = self._incidents(facts, at).then(found, at, complete=is_complete)
        incidents = incidents.model_copy(update={"until": at})
        found += tuple(incident_proposals(naming, incidents))
        entities = earlier(self._store.get_json(artifact(naming))).then(
            described(found), complete=is_complete
        )
        proposals = collect((*found, *removal_proposals(entities)))
        stamp(proposals, self.run_id, int(at.timestamp() * 1000))
        aspects = prove(proposals, valid_digests(self._kept(naming, PROVED, Proved)))
        self.progress(f"{len(aspects):,} aspects described and valid")
        missing = (*_missing(inputs, tables), *_not_built(inputs, inventory, warehouse))
        return Description(naming, at, tables, aspects, entities, missing, dbt, profiles, incidents)

    def _profiled(
        self,
        naming: Naming,
        inventory: tuple[TableFacts, ...],
        connection: DuckDBPyConnection,
        at: datetime,
    ) -> Profiles:
        kept = self._kept(naming, PROFILES, Profiles) or Profiles()
        values = self.datahub.datahub_profile_values
        profiler = Profiler(connection, self.warehouse, values, at, kept.profiles)
        return profiler.profiles(inventory)

    def _incidents(self, facts: Facts, at: datetime) -> Incidents:
        """The incidents before the latest results."""
        name = artifact(facts.naming, INCIDENTS)
        incidents = read_kept(self._store, name, Incidents) or Incidents()
        missed = Missed(self._store, facts.inputs, facts.naming, facts.raw_schema)
        for proposals in missed.results(facts.dbt.proposals, incidents.until):
            incidents = incidents.then(proposals, at, complete=False)
        return incidents

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
    """Everything that the proposals are made from."""

    naming: Naming
    inputs: Inputs
    tables: tuple[CatalogTable, ...]
    dbt: DbtMetadata
    profiles: Profiles
    raw_schema: str


def _proposals(facts: Facts) -> Iterator[Proposal]:
    naming, inputs, tables = facts.naming, facts.inputs, facts.tables
    yield from owner_proposals([MODELS_OWNER, *(name for t in tables for name in t.owners)])
    yield from container_proposals(naming, tables)
    datasets = DatasetProposals(naming, facts.profiles.profiles)
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
    yield from usage_proposals(naming, inputs.reads, tables)
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
