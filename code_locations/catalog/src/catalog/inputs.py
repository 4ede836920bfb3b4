"""What the other stages left behind, as the catalog reads it. Every part may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from stack.activity import ActivityLog, Change, Entry, Read
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import (
    MANIFEST,
    RUN_RESULTS,
    TEST_RESULTS,
    Manifest,
    Results,
    read_manifest,
    read_results,
)
from stack.gx_artifacts import VALIDATION, ValidationResult, read_validation
from stack.load_report import FOLDER, TableReport, read_reports
from stack.raw import RawTable, raw_tables

# What can't be catalogued without each artifact, for the run's metadata.
ARTIFACTS = {
    MANIFEST: "dbt models, their descriptions and column lineage",
    RUN_RESULTS: "when dbt last built each model",
    TEST_RESULTS: "results of dbt tests",
    VALIDATION: "Great Expectations assertions",
}
Json = dict[str, Any]


@dataclass(frozen=True)
class Load:
    """What a loader reported about one raw table, and when. `connector`: what read it, if known."""

    asset: str
    report: TableReport
    at: datetime
    connector: str | None = None
    run_id: str = ""

    @property
    def change(self) -> Change | None:
        """What it did to the table's rows, if anything."""
        return self.report.change(self.asset, self.at, self.run_id)


@dataclass(frozen=True)
class Inputs:
    """The latest artifacts, and when each was written.

    `loads` are by table name, from all loaders that left a report. `documents` are dbt's complete
    artifacts, for DataHub's own source. `activity` covers the last days.
    """

    manifest: Manifest = field(default_factory=lambda: Manifest(nodes={}, sources={}))
    run_results: Results = field(default_factory=Results)
    validation: ValidationResult | None = None
    loads: Mapping[str, Load] = field(default_factory=dict)
    written: Mapping[str, datetime] = field(default_factory=dict)
    documents: Mapping[str, Json] = field(default_factory=dict)
    activity: tuple[Entry, ...] = ()

    @property
    def reads(self) -> tuple[Read, ...]:
        """Queries of the last days."""
        return tuple(entry for entry in self.activity if isinstance(entry, Read))

    @property
    def changes(self) -> tuple[Change, ...]:
        """What loads and dbt changed in the last days."""
        return tuple(entry for entry in self.activity if isinstance(entry, Change))

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the artifacts that no stage has written yet."""
        return tuple(name for name in ARTIFACTS if name not in self.written)

    @property
    def raw_tables(self) -> dict[str, RawTable]:
        """Every raw table that is declared or that a loader reported on, by its name."""
        reported = {
            name: load.report.table.model_copy(update={"loader": load.asset})
            for name, load in self.loads.items()
        }
        return reported | {table.table_name: table for table in raw_tables()}

    @property
    def loaders(self) -> tuple[str, ...]:
        """The assets that load raw tables."""
        reported = {load.asset for load in self.loads.values()}
        return tuple(sorted(reported | {t.loader for t in raw_tables() if t.loader}))


def read_inputs(store: ArtifactStore, since: date) -> Inputs:
    """Read the latest of every artifact, and the activity `since` a day. Raises ArtifactError."""
    names = [*ARTIFACTS, *store.names(FOLDER)]
    written = {name: at for name in names if (at := store.written_at(name)) is not None}
    return Inputs(
        manifest=read_manifest(store) or Manifest(nodes={}, sources={}),
        run_results=read_results(store, RUN_RESULTS) or Results(),
        validation=read_validation(store),
        loads=_loads(store, written),
        written=written,
        documents={
            name: document
            for name in (MANIFEST, RUN_RESULTS, TEST_RESULTS)
            if (document := store.get_json(name)) is not None
        },
        activity=tuple(ActivityLog(store.url).since(since)),
    )


def _loads(store: ArtifactStore, written: Mapping[str, datetime]) -> dict[str, Load]:
    """The latest load of each table; if two loaders share a table, the later one's."""
    reports = [(written[f"{FOLDER}/{n}.json"], r) for n, r in read_reports(store).items()]
    found = {}
    for at, report in sorted(reports, key=lambda pair: pair[0]):
        connectors = {
            i.table: i.facts["connector"] for i in report.inputs if i.facts.get("connector")
        }
        for name, table in sorted(report.tables.items()):
            connector = connectors.get(name)
            found[name] = Load(report.asset, table, report.at or at, connector, report.run_id)
    return found
