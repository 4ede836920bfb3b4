"""dbt's models, tests and column lineage, through DataHub's own dbt source.

It gets the manifest and the run results as dbt wrote them. Instead of dbt's catalog.json it
gets one made from the warehouse, so that column types are those of the tables that exist,
whenever `dbt docs generate` last ran.
Source: https://docs.datahub.com/docs/generated/ingestion/sources/dbt
"""

from __future__ import annotations

import gc
import json
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from catalog.datasets import ownership
from catalog.field_types import data_type, fields_of
from catalog.inputs import Inputs
from catalog.tables import TAG_PREFIX, CatalogTable
from catalog.urns import WAREHOUSE_PLATFORM, Naming
from stack.dbt_artifacts import MANIFEST, RUN_RESULTS, TEST_RESULTS, catalog_document
from stack.errors import StackError

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal

log = logging.getLogger(__name__)


class DbtSourceError(StackError):
    """DataHub's dbt source could not read what dbt wrote."""


@dataclass(frozen=True)
class DbtMetadata:
    """Proposals of dbt's side of the catalog, and what the source could not make out."""

    proposals: tuple[Proposal, ...] = ()
    warnings: tuple[str, ...] = ()


def dbt_metadata(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable], run_id: str, scratch: Path
) -> DbtMetadata:
    """Run DataHub's dbt source over the artifacts; empty if there is no manifest.

    Raises DbtSourceError if the source reports a failure.
    """
    if MANIFEST not in inputs.documents:
        return DbtMetadata()
    known = {t.dbt.node.unique_id: t for t in tables if t.dbt}
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch) as folder, _temporary_files_in(folder):
        config = _config(naming, inputs, known.values(), Path(folder))
        found, remarks = _run(config, run_id)
    siblings = {naming.dbt_node(*t.facts.key): t for t in known.values()}
    proposals = [_as_in_warehouse(p, siblings.get(str(p.entityUrn))) for p in found]
    return DbtMetadata((*proposals, *_owners_and_siblings(naming, known.values())), remarks)


def _config(
    naming: Naming, inputs: Inputs, tables: Iterable[CatalogTable], folder: Path
) -> dict[str, Any]:
    def write(name: str, content: Any) -> str:
        file = folder / name
        file.write_text(json.dumps(content))
        return str(file)

    results = [
        write(name.replace("/", "_"), inputs.documents[name])
        for name in (RUN_RESULTS, TEST_RESULTS)
        if name in inputs.documents
    ]
    return {
        "manifest_path": write("manifest.json", _manifest(inputs)),
        "catalog_path": write("catalog.json", warehouse_catalog(naming, tables)),
        "run_results_paths": results,
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
        # A whole aspect each time instead of a patch on what the server has: no server needed.
        "write_semantics": "OVERRIDE",
        "incremental_lineage": False,
        # A warning is a failure of low severity, not a success.
        "test_warnings_are_errors": True,
        # Would make an entity of every dbt run; the runs are Dagster's and in its UI.
        "entities_enabled": {"model_performance": "NO"},
    }


def _manifest(inputs: Inputs) -> dict[str, Any]:
    """dbt's manifest, put so that DataHub's source finds what belongs together.

    Models get their SQL from the run's results where the manifest has none: `dbt test` leaves
    it out, and without it there is no column lineage. Sources go by the name of their table,
    which is what the SQL reads and what the warehouse has.
    """
    manifest = inputs.documents[MANIFEST]
    compiled = {r.unique_id: r.compiled_code for r in inputs.run_results.results if r.compiled_code}
    nodes = {
        name: {**node, "compiled_code": node.get("compiled_code") or compiled.get(name)}
        for name, node in manifest.get("nodes", {}).items()
    }
    sources = {
        name: {**source, "name": inputs.manifest.sources[name].table}
        for name, source in manifest.get("sources", {}).items()
    }
    return {**manifest, "nodes": nodes, "sources": sources}


def warehouse_catalog(naming: Naming, tables: Iterable[CatalogTable]) -> dict[str, Any]:
    """The warehouse's columns in the form of dbt's catalog.json."""
    described = ((t.dbt.node, t.facts) for t in tables if t.dbt)
    return catalog_document(
        naming.database,
        ((node, t.kind == "view", {c.name: c.type for c in t.columns}) for node, t in described),
    )


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """DataHub's source leaves a folder with a database among the system's temporary files."""
    before = tempfile.tempdir
    tempfile.tempdir = folder
    try:
        yield
        gc.collect()  # its database is closed by a finalizer, which wants the folder to be there
    finally:
        tempfile.tempdir = before


def _run(config: dict[str, Any], run_id: str) -> tuple[list[Proposal], tuple[str, ...]]:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.emitter.mcp_builder import mcps_from_mce
    from datahub.ingestion.api.common import PipelineContext
    from datahub.metadata.schema_classes import MetadataChangeEventClass

    with warnings.catch_warnings():
        # sqlglot warns about a speed-up that another package brought along.
        warnings.simplefilter("ignore")
        from datahub.ingestion.source.dbt.dbt_core import DBTCoreConfig, DBTCoreSource

    source = DBTCoreSource(DBTCoreConfig(**config), PipelineContext(run_id=run_id))
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
    """Give dbt's datasets the types, keys and descriptions that the warehouse's have.

    The source knows the types of other warehouses only, calls every column not null, and
    has no description of a source that is declared in `stack.raw`.
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
