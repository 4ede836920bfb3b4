"""Runs dbt's models and data tests and keeps its artifacts, without Dagster."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError, one_line
from stack.outage import OutageError, tells_of_outage
from stack.settings import WarehouseSettings
from stack.warehouse import connect, ensure_raw_tables
from transformation.graph import Graph
from transformation.project import DbtProject, DbtProjectError, prepared
from transformation.runner import DbtResult, NodeResult, Progress, invoke

UNIT_TESTS = "test_type:unit"


class DbtError(StackError):
    """dbt failed as a whole, before it could run any model or test."""


@dataclass(frozen=True)
class DbtRun:
    """A finished invocation, with the manifest as dbt wrote it and the results parsed."""

    result: DbtResult
    manifest: bytes
    run_results: dict[str, Any]
    rows_affected: dict[str, int]


def run_models(
    project: DbtProject,
    settings: WarehouseSettings,
    scratch: Path,
    report: Callable[[NodeResult], None],
    options: Sequence[str] = (),
) -> DbtRun:
    """Run the models that dbt's `options` select, all by default.

    If a model fails, those that depend on it are skipped and the others run. A raw table that was
    never loaded is created empty first. Raises DbtError if dbt can't start at all, OutageError if
    the warehouse went away.
    """
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, project.raw_tables)
    return _run(project, ["run", *options], scratch, report)


def run_tests(
    project: DbtProject,
    scratch: Path,
    report: Callable[[NodeResult], None],
    options: Sequence[str] = (),
) -> DbtRun:
    """Run the data tests that dbt's `options` select, all by default.

    dbt's unit tests aren't included: they test the SQL, not the data, and belong to `make test`.
    Raises as `run_models`.
    """
    return _run(project, ["test", *options, "--exclude", UNIT_TESTS], scratch, report)


def select(unique_ids: Iterable[str]) -> list[str]:
    """dbt's options to select exactly these models or tests."""
    return ["--select", *(f"fqn:{uid.split('.')[2]}" for uid in unique_ids)]


def failing_models(run: DbtRun, graph: Graph) -> list[str]:
    """`schema.model: error` on one line for each model that itself failed."""
    failed = []
    for result in run.result.results:
        if result.status == "error":
            table = graph.tables.get(result.unique_id)
            name = ".".join(table.asset_path) if table else result.unique_id
            failed.append(f"{name}: {' '.join((result.message or '').split())}")
    return failed


def _run(
    project: DbtProject,
    arguments: Sequence[str],
    scratch: Path,
    report: Callable[[NodeResult], None],
) -> DbtRun:
    with _target_dir(project, scratch) as target_dir:
        progress = Progress(report)
        result = invoke(project, arguments, target_dir, progress)
        manifest = _read(target_dir / "manifest.json")
        run_results = _read(target_dir / "run_results.json")
    if result.error is not None or manifest is None or run_results is None:
        said = result.error or "no results"
        raise DbtError(f"dbt {arguments[0]} couldn't start: {said}") from result.exception
    for node in result.results:
        if node.status == "error" and tells_of_outage(node.message):
            raise OutageError(
                f"the warehouse went away during dbt {arguments[0]}, at {node.unique_id}",
                found=one_line(node.message, 500),
                next_step="run it again, if the daemon doesn't",
            )
    return DbtRun(result, manifest, json.loads(run_results), progress.rows_affected)


@contextmanager
def _target_dir(project: DbtProject, scratch: Path) -> Iterator[Path]:
    """A separate folder for one invocation, with the parsed project in it for reuse."""
    try:
        parsed = prepared(project) / "partial_parse.msgpack"
    except DbtProjectError as error:
        raise DbtError(str(error)) from error
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        shutil.copyfile(parsed, scratch / parsed.name)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
