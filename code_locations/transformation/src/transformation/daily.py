"""Runs the models and the tests, skipping those that still hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import CATALOG, MANIFEST, RUN_RESULTS, TEST_RESULTS, catalog_document
from stack.held import Claim, Run, read_claims, today, write_claims
from stack.settings import WarehouseSettings
from stack.warehouse import connect, ensure_raw_tables
from stack.warehouse.versions import Name, content_of
from transformation.asset_metadata import Warehouse
from transformation.fingerprints import Definitions, definitions_of
from transformation.graph import Graph, graph_of
from transformation.holding import MODELS, TESTS, Witness, held_models, held_tests
from transformation.models import DbtRun, run_models, run_tests, select
from transformation.project import DbtProject, load_manifest, prepared
from transformation.runner import NodeResult
from transformation.state import EPHEMERAL, VIRTUAL, State, state_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Report = Callable[[NodeResult], None]


@dataclass(frozen=True)
class Daily:
    """What both runs work on. `lets_hold`: skip what an earlier run found and still holds."""

    project: DbtProject
    settings: WarehouseSettings
    store: ArtifactStore
    run_id: str
    lets_hold: bool

    def make(
        self, scratch: Path, report: Report, options: Sequence[str], *, compares: bool = False
    ) -> Made:
        """Run the models that don't hold, or those that dbt's `options` select.

        Raises as `run_models`.
        """
        this = Run(self.run_id, today())
        graph, definitions = self._project()
        with connect(self.settings) as connection:
            ensure_raw_tables(connection, self.settings, self.project.raw_tables)
            before = state_of(graph, definitions, connection, self.settings)
            claims = self._claims(MODELS, (MANIFEST, RUN_RESULTS, CATALOG))
            would_hold = held_models(before, claims)
            contents = _contents(connection, graph, would_hold if compares else ())
        held = would_hold if self.lets_hold else {}
        run = None
        if (left := _left(options, _made(graph), held)) is not None:
            run = run_models(self.project, self.settings, scratch, report, left)
        return Made(self, this, before, claims, held, contents, run)

    def judge(self, scratch: Path, report: Report, options: Sequence[str]) -> Judged:
        """Run the tests that don't hold, or those that dbt's `options` select.

        Raises as `run_tests`.
        """
        this = Run(self.run_id, today())
        graph, definitions = self._project()
        with connect(self.settings, read_only=True) as connection:
            state = state_of(graph, definitions, connection, self.settings)
        models, tests = read_claims(self.store, MODELS), self._claims(TESTS, (TEST_RESULTS,))
        held = held_tests(state, tests) if self.lets_hold else {}
        wanted = [test.unique_id for test in load_manifest(self.project).tests]
        run = None
        if (left := _left(options, wanted, held)) is not None:
            run = run_tests(self.project, scratch, report, left)
            with connect(self.settings, read_only=True) as connection:
                after = state_of(graph, definitions, connection, self.settings)
            tests = Witness(this, models).after_tests(state, after, tests, _outcomes(run))
            write_claims(self.store, TESTS, self.run_id, tests)
        self.keep_results(TEST_RESULTS, run, held, wanted)
        return Judged(held, run)

    def holding(self) -> tuple[dict[str, Claim], dict[str, Claim]] | None:
        """Claims of all models and all tests; None if a run would build or test any of them."""
        graph, definitions = self._project()
        with connect(self.settings, read_only=True) as connection:
            state = state_of(graph, definitions, connection, self.settings)
        models = held_models(state, self._claims(MODELS, (MANIFEST, RUN_RESULTS, CATALOG)))
        tests = held_tests(state, self._claims(TESTS, (TEST_RESULTS,)))
        wanted = [test.unique_id for test in load_manifest(self.project).tests]
        if not models.keys() >= set(_made(graph)) or not tests.keys() >= set(wanted):
            return None
        return models, tests

    def keep_results(
        self, name: str, run: DbtRun | None, held: Mapping[str, Claim], order: Sequence[str]
    ) -> None:
        """Store dbt's results of a run together with those that hold, in this order."""
        found = {uid: claim.result for uid, claim in held.items()}
        found |= {str(outcome["unique_id"]): outcome for outcome in _outcomes(run)}
        results = [found.pop(uid) for uid in order if uid in found]
        document = run.run_results if run else self.store.get_json(name)
        self.keep_if_new(name, {**document, "results": [*results, *found.values()]})

    def keep_if_new(self, name: str, document: dict[str, Any]) -> None:
        """Store an artifact of dbt's, unless it differs from the latest only in its times."""
        latest = self.store.get_json(name) or {}
        if document.keys() != latest.keys() or any(
            document[key] != latest[key] for key in document if key != "metadata"
        ):
            self.store.put_json(self.run_id, name, document)

    def _project(self) -> tuple[Graph, Definitions]:
        return graph_of(load_manifest(self.project)), definitions_of(self.project)

    def _claims(self, name: str, artifacts: Iterable[str]) -> dict[str, Claim]:
        """The claims, if everything that they are about can still be read."""
        if any(self.store.written_at(artifact) is None for artifact in artifacts):
            return {}
        return read_claims(self.store, name)


@dataclass(frozen=True)
class Judged:
    """Tests that hold, by unique id, and the run of the others; None if all hold."""

    held: Mapping[str, Claim]
    run: DbtRun | None


@dataclass(frozen=True)
class Made:
    """Models that hold, by unique id, and the run of the others; None if all hold."""

    daily: Daily
    this: Run
    before: State
    claims: dict[str, Claim]
    held: Mapping[str, Claim]
    contents: Mapping[Name, str]
    run: DbtRun | None

    def keep(self, warehouse: Warehouse) -> State:
        """Store the claims, and dbt's artifacts of all models, including those that hold.

        Returns the state of the tables after the run.
        """
        claims, after = self.claims, self.before
        if self.run is not None:
            after = state_of(
                self.before.graph,
                self.before.definitions,
                warehouse.connection,
                warehouse.settings,
            )
            witness = Witness(self.this, dict(claims))
            claims = witness.after_models(self.before, after, _outcomes(self.run))
            write_claims(self.daily.store, MODELS, self.daily.run_id, claims)
        self.daily.keep_results(RUN_RESULTS, self.run, self.held, [*self.before.graph.tables])
        manifest = json.loads((prepared(self.daily.project) / "manifest.json").read_bytes())
        for outcome in (*(claim.result for claim in claims.values()), *_outcomes(self.run)):
            if node := manifest["nodes"].get(outcome["unique_id"]):
                node |= {"compiled": True, "compiled_code": outcome.get("compiled_code")}
        self.daily.keep_if_new(MANIFEST, manifest)
        self.daily.keep_if_new(CATALOG, self._catalog(warehouse))
        return after

    def _catalog(self, warehouse: Warehouse) -> dict[str, Any]:
        metadata = self.run.run_results["metadata"] if self.run else {}
        names = ("dbt_version", "generated_at", "invocation_id")
        return catalog_document(
            warehouse.settings.database,
            (
                (table, table.materialized == "view", columns)
                for table in self.before.graph.tables.values()
                if (columns := warehouse.columns.get((table.schema_name, table.table)))
            ),
            {**{name: metadata.get(name) for name in names}, "env": {}},
        )

    def stale(self, connection: DuckDBPyConnection) -> list[str]:
        """Tables that held before a full run, which then built them differently."""
        made = {str(o["unique_id"]) for o in _outcomes(self.run) if o["status"] == "success"}
        tables = [t for uid, t in self.before.graph.tables.items() if uid in made]
        return [
            f"{table.schema_name}.{table.table}"
            for table in tables
            for name in [(table.schema_name, table.table)]
            if name in self.contents and self.contents[name] != content_of(connection, name)
        ]


def _contents(
    connection: DuckDBPyConnection, graph: Graph, models: Iterable[str]
) -> dict[Name, str]:
    tables = [graph.tables[uid] for uid in models]
    names = [(t.schema_name, t.table) for t in tables if t.materialized not in VIRTUAL]
    return {name: content_of(connection, name) for name in names}


def _made(graph: Graph) -> list[str]:
    """The models that dbt builds something for in the warehouse."""
    return [m.unique_id for m in graph.models if m.materialized != EPHEMERAL]


def _left(
    options: Sequence[str], uids: Iterable[str], held: Mapping[str, Claim]
) -> list[str] | None:
    """dbt's options to select everything that doesn't hold; None if all holds."""
    if not held:
        return [*options]
    to_run = [uid for uid in uids if uid not in held]
    return [*options, *select(to_run)] if to_run else None


def _outcomes(run: DbtRun | None) -> list[dict[str, Any]]:
    return list(run.run_results["results"]) if run else []
