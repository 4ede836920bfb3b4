"""What a daily run with nothing new costs beside SQLMesh and havn, on a project of the same models.

    python -m benchmarks.peers [--size 1000] [--repeats 3]

Each peer gets the raw tables in a DuckDB file of its own, and the SQL that dbt compiled as its
models. It builds them once; then the CPU seconds of its usual command are counted. That command
only looks for models to build, while a daily run also asks the connector, reads the folders,
judges checks and keeps the catalog. Peers are installed from the registry into a folder that is
removed at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.processes import cpu_seconds, stack
from benchmarks.report import Finding, median, publish
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import RUN_RESULTS, read_manifest, read_results

UV = Path(__file__).parents[1] / ".tools" / "bin" / "uv"
WAREHOUSE = "warehouse.duckdb"


@dataclass(frozen=True)
class Model:
    """A model of the dbt project as any engine can build it."""

    schema: str
    name: str
    is_view: bool
    sql: str


@dataclass(frozen=True)
class Peer:
    """An engine: what to install, its project's files, how it builds and how it runs again."""

    name: str
    requirement: str
    config: tuple[str, str]
    folder: str
    header: str
    view: str
    table: str
    build: tuple[str, ...]
    again: tuple[str, ...]

    def write(self, project: Path, models: Sequence[Model]) -> None:
        """Its configuration, and a file for each model."""
        project.mkdir(parents=True, exist_ok=True)
        file, content = self.config
        (project / file).write_text(content)
        for model in models:
            header = self.header.format(
                schema=model.schema,
                name=model.name,
                kind=self.view if model.is_view else self.table,
            )
            path = project / self.folder / model.schema / f"{model.name}.sql"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{header}\n\n{model.sql}\n")


PEERS = (
    Peer(
        name="SQLMesh",
        requirement="sqlmesh==0.236.4",
        config=(
            "config.yaml",
            "gateways:\n"
            f"  local: {{connection: {{type: duckdb, database: {WAREHOUSE}}}}}\n"
            "default_gateway: local\n"
            "model_defaults: {dialect: duckdb, start: 2020-01-01}\n"
            "disable_anonymized_analytics: true\n",
        ),
        folder="models",
        header="MODEL (name {schema}.{name}, kind {kind});",
        view="VIEW",
        table="FULL",
        build=("sqlmesh", "plan", "--auto-apply", "--no-prompts"),
        again=("sqlmesh", "run"),
    ),
    Peer(
        name="havn",
        requirement="havn==0.3.0",
        config=("project.yml", f"name: peer\ndatabase: {{path: {WAREHOUSE}}}\nconnections: {{}}\n"),
        folder="transform",
        header="@config materialized={kind}, schema={schema}",
        view="view",
        table="table",
        build=("havn", "transform"),
        again=("havn", "transform"),
    ),
)


def main() -> int:
    """Measure, publish, and return 1 if a peer is ahead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stack-bench-") as temporary:
        folder = Path(temporary)
        home = folder / "home"
        stack(home, "sample-data", "--size", str(options.size))
        stack(home, "run")
        models = list(models_of(home))
        ours = [stack(home, "run") for _ in range(options.repeats)]
        findings = [
            Finding(
                "nothing new",
                peer.name,
                median(ours),
                median(measured(peer, home, models, folder, options.repeats)),
                1.0,
            )
            for peer in PEERS
        ]
    conditions = {"size": options.size, "repeats": options.repeats, "models": len(models)}
    return 0 if publish("peers", findings, conditions) else 1


def models_of(home: Path) -> Iterator[Model]:
    """The models that a run built, with the SQL that it executed, less the database's name."""
    store = ArtifactStore((home / "artifacts").as_uri())
    manifest, results = read_manifest(store), read_results(store, RUN_RESULTS)
    if manifest is None or results is None:
        sys.exit(f"{home} has no artifacts of dbt")
    compiled = {result.unique_id: result.compiled_code for result in results.results}
    for node in manifest.models:
        sql = (compiled[node.unique_id] or "").replace('"warehouse".', "")
        yield Model(node.schema_name, node.table, node.config.materialized == "view", sql)


def measured(
    peer: Peer, home: Path, models: Sequence[Model], folder: Path, repeats: int
) -> list[float]:
    """CPU seconds of the peer's runs with nothing new, after it built all models."""
    environment, project = folder / f"{peer.name}-venv", folder / peer.name
    cpu_seconds([str(UV), "venv", "--quiet", str(environment)])
    python = str(environment / "bin" / "python")
    install = [str(UV), "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    cpu_seconds([*install, peer.requirement, f"duckdb=={duckdb.__version__}"])
    peer.write(project, models)
    copy_raw_tables(home / WAREHOUSE, project / WAREHOUSE)
    command = [str(environment / "bin" / peer.build[0]), *peer.build[1:]]
    cpu_seconds(command, folder=project)
    with duckdb.connect(str(project / WAREHOUSE), read_only=True) as connection:
        for model in models:
            connection.execute(f'select count(*) from "{model.schema}"."{model.name}"')
    command = [str(environment / "bin" / peer.again[0]), *peer.again[1:]]
    return [cpu_seconds(command, folder=project) for _ in range(repeats)]


def copy_raw_tables(source: Path, target: Path) -> None:
    """All tables of the raw schema, in a new DuckDB file."""
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        connection.execute("create schema freelancer_raw")
        names = connection.execute(
            "select table_name from duckdb_tables() "
            "where database_name = 'source' and schema_name = 'freelancer_raw'"
        ).fetchall()
        for (name,) in names:
            connection.execute(
                f'create table freelancer_raw."{name}" as from source.freelancer_raw."{name}"'
            )


if __name__ == "__main__":
    sys.exit(main())
