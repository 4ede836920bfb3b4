"""dbt's models, tests and column lineage, through DataHub's own dbt source.

The source gets the manifest and the run results as dbt wrote them. Instead of dbt's catalog.json it
gets one made from the warehouse, so that column types are those of the existing tables, whenever
`dbt docs generate` last ran. Its output is stored and reused until the input differs; until then
the source isn't even imported. Test results differ every time, and are added by `dbt_results`.
Source: https://docs.datahub.com/docs/generated/ingestion/sources/dbt
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import Field

from catalog.datasets import ownership
from catalog.dbt_results import result_proposals
from catalog.field_types import data_type, fields_of
from catalog.inputs import Inputs, Json
from catalog.kept import Kept, code, versions
from catalog.lineage import Lineage, dbt_source
from catalog.records import read_back, record_of
from catalog.tables import TAG_PREFIX, CatalogTable
from catalog.urns import WAREHOUSE_PLATFORM, Naming
from stack.dbt_artifacts import MANIFEST, RUN_RESULTS, TEST_RESULTS, catalog_document
from stack.digests import digest
from stack.errors import StackError

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
    from datahub.ingestion.source.dbt.dbt_core import DBTCoreSource

# dbt writes these anew each time it parses, and the source doesn't use them.
_METADATA = ("invocation_id", "invocation_started_at", "run_started_at")
_NODE = ("created_at", "compiled_path", "build_path")
# The parts of a manifest that the source reads.
_PARTS = ("metadata", "nodes", "sources", "exposures", "metrics", "semantic_models")


class DbtSourceError(StackError):
    """DataHub's dbt source couldn't read what dbt wrote."""


class DbtOutput(Kept):
    """The source's output for the input with this fingerprint, as records."""

    fingerprint: str
    records: tuple[Json, ...]


class DbtKept(Kept):
    """The last output, if it had no warnings, and the column lineage of each model in use."""

    output: DbtOutput | None = None
    lineage: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class DbtMetadata:
    """Proposals for dbt's side of the catalog, and what the source couldn't resolve.

    `kept` is for the next run; `parsed` are the models whose SQL was parsed in this one.
    """

    proposals: tuple[Proposal, ...] = ()
    warnings: tuple[str, ...] = ()
    kept: DbtKept = field(default_factory=DbtKept)
    parsed: int = 0


def dbt_metadata(
    naming: Naming,
    inputs: Inputs,
    tables: Iterable[CatalogTable],
    scratch: Path,
    kept: DbtKept | None = None,
) -> DbtMetadata:
    """What DataHub's dbt source makes of the artifacts; empty if there is no manifest.

    Raises DbtSourceError if the source reports a failure, and DbtResultsError.
    """
    if MANIFEST not in inputs.documents:
        return DbtMetadata(kept=kept or DbtKept())
    known = {t.dbt.node.unique_id: t for t in tables if t.dbt}
    given = {
        "manifest": _manifest(inputs),
        "catalog": warehouse_catalog(naming, known.values()),
        "config": _config(naming),
    }
    made = _output(given, scratch, kept or DbtKept())
    siblings = {naming.dbt_node(*t.facts.key): t for t in known.values()}
    results = (inputs.documents[n] for n in (RUN_RESULTS, TEST_RESULTS) if n in inputs.documents)
    proposals = (
        *(_as_in_warehouse(p, siblings.get(str(p.entityUrn))) for p in made.proposals),
        *result_proposals(made.proposals, results),
        *_owners_and_siblings(naming, known.values()),
    )
    return replace(made, proposals=proposals)


def _output(given: Mapping[str, Any], scratch: Path, kept: DbtKept) -> DbtMetadata:
    """The source's own proposals, reused from the last time if the input is the same."""
    made_by = digest([versions(), code("dbt_source", "lineage", "records", "kept")])
    fingerprint = digest([made_by, given])
    if kept.output and kept.output.fingerprint == fingerprint:
        return DbtMetadata(tuple(read_back(r) for r in kept.output.records), (), kept)
    lineage = Lineage(kept.lineage, made_by)
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder, _temporary_files_in(folder):
        config = {
            **given["config"],
            "manifest_path": _written(Path(folder), "manifest.json", given["manifest"]),
            "catalog_path": _written(Path(folder), "catalog.json", given["catalog"]),
        }
        proposals, warned = _run(dbt_source(lineage, config))
    # A warning may come from a time-out, which needn't recur.
    output = (
        None
        if warned
        else DbtOutput(
            fingerprint=fingerprint,
            records=tuple(_without(record_of(p), ("systemMetadata",)) for p in proposals),
        )
    )
    now = DbtKept(output=output, lineage=lineage.used)
    return DbtMetadata(tuple(proposals), warned, now, lineage.parsed)


def _written(folder: Path, name: str, content: Any) -> str:
    file = folder / name
    file.write_text(json.dumps(content))
    return str(file)


def _config(naming: Naming) -> dict[str, Any]:
    return {
        "only_include_if_in_catalog": True,
        "target_platform": WAREHOUSE_PLATFORM,
        "target_platform_instance": naming.instance,
        "platform_instance": naming.instance,
        "env": naming.fabric,
        "include_env_in_assertion_guid": True,
        "convert_urns_to_lowercase": False,
        "tag_prefix": TAG_PREFIX,
        "meta_mapping": {
            "terms": {"match": ".*", "operation": "add_terms", "config": {"separator": ","}}
        },
        # Owners and siblings are ours, and so is everything about the warehouse's tables.
        "enable_owner_extraction": False,
        "emit_target_platform_instance_aspects": False,
        "emit_target_platform_display_name": False,
        # Writes whole aspects instead of patches, which would need the server.
        "write_semantics": "OVERRIDE",
        "incremental_lineage": False,
        # It would make an entity of every dbt run; Dagster and its UI have the runs.
        "entities_enabled": {"model_performance": "NO"},
    }


def _manifest(inputs: Inputs) -> dict[str, Any]:
    """dbt's manifest, adjusted so that DataHub's source finds what belongs together.

    Models get their SQL from the run's results if the manifest lacks it: `dbt test` leaves it out,
    and without it there is no column lineage. Sources are named after their table, which is what
    the SQL reads and what the warehouse has. Whatever differs between two runs over the same
    project is left out.
    """
    manifest = {part: inputs.documents[MANIFEST].get(part, {}) for part in _PARTS}
    compiled = {r.unique_id: r.compiled_code for r in inputs.run_results.results if r.compiled_code}
    nodes = {
        name: {
            **_without(node, _NODE),
            "compiled_code": node.get("compiled_code") or compiled.get(name),
        }
        for name, node in manifest["nodes"].items()
    }
    sources = {
        name: {**_without(source, _NODE), "name": inputs.manifest.sources[name].table}
        for name, source in manifest["sources"].items()
    }
    # Used only as the time of the queries that people list in a model's meta.
    queries = any("queries" in node.meta for node in inputs.manifest.tables.values())
    metadata = _without(
        manifest["metadata"], _METADATA if queries else (*_METADATA, "generated_at")
    )
    return {**manifest, "metadata": metadata, "nodes": nodes, "sources": sources}


def _without(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def warehouse_catalog(naming: Naming, tables: Iterable[CatalogTable]) -> dict[str, Any]:
    """The warehouse's columns in the form of dbt's catalog.json."""
    described = ((t.dbt.node, t.facts) for t in tables if t.dbt)
    return catalog_document(
        naming.database,
        ((node, t.kind == "view", {c.name: c.type for c in t.columns}) for node, t in described),
    )


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """Delete the folder with a database that DataHub's source leaves among temporary files."""
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        yield
        gc.collect()  # a finalizer closes the database, and needs its folder for that
    finally:
        tempfile.tempdir = before


def _run(source: DBTCoreSource) -> tuple[list[Proposal], tuple[str, ...]]:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.emitter.mcp_builder import mcps_from_mce
    from datahub.metadata.schema_classes import MetadataChangeEventClass

    proposals: list[Proposal] = []
    for unit in source.get_workunits():
        if isinstance(unit.metadata, MetadataChangeEventClass):
            proposals += mcps_from_mce(unit.metadata)
        elif isinstance(unit.metadata, MetadataChangeProposalWrapper):
            proposals.append(unit.metadata)
        else:
            raise DbtSourceError(
                f"DataHub's dbt source gave {unit.id} as a patch, which needs a server; "
                "report it with the installed version of acryl-datahub"
            )
    report = source.report
    if report.failures:
        raise DbtSourceError(
            "DataHub's dbt source can't read dbt's artifacts: "
            f"{'; '.join(_lines(report.failures))}; run dbt_run and dbt_test again"
        )
    return proposals, tuple(_lines(report.warnings))


def _lines(entries: Any) -> Iterator[str]:
    for entry in entries:
        context = ", ".join(str(c) for c in list(entry.context)[:3])
        yield f"{entry.title or ''} {entry.message} ({context})".strip()


def _as_in_warehouse(proposal: Proposal, table: CatalogTable | None) -> Proposal:
    """Give dbt's datasets the types, keys and descriptions of the warehouse's.

    The source knows only the types of other warehouses, calls every column not null, and has no
    description of sources declared in `stack.raw`.
    """
    from datahub.metadata.schema_classes import DatasetPropertiesClass, SchemaMetadataClass

    if table is None:
        return proposal
    if isinstance(proposal.aspect, DatasetPropertiesClass):
        proposal.aspect.description = proposal.aspect.description or table.description or None
    if isinstance(proposal.aspect, SchemaMetadataClass):
        names = {c.name for c in table.facts.columns}
        for column in proposal.aspect.fields:
            column.type = data_type(fields_of(column.fieldPath, column.nativeDataType)[0].kind)
            if column.fieldPath in names:
                column.nullable = not table.never_null(column.fieldPath)
                column.isPartOfKey = column.fieldPath in table.primary_key
                described = table.column_description(column.fieldPath)
                column.description = column.description or described or None
        proposal.aspect.primaryKeys = list(table.primary_key) or None
    return proposal


def _owners_and_siblings(naming: Naming, tables: Iterable[CatalogTable]) -> Iterator[Proposal]:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata.schema_classes import SiblingsClass

    for table in tables:
        urn = naming.dbt_node(*table.facts.key)
        yield MetadataChangeProposalWrapper(entityUrn=urn, aspect=ownership(table.owners))
        yield MetadataChangeProposalWrapper(
            entityUrn=urn,
            aspect=SiblingsClass(siblings=[naming.table(*table.facts.key)], primary=True),
        )
