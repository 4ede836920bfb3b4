"""A warehouse with hand-made raw rows, on a DuckDB file and on a DuckLake."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from stack.settings import WarehouseSettings, load_settings
from tests.integration.transformation.books_and_shop import ROWS, load
from transformation.models import DbtRun, run_models
from transformation.project import load_project
from transformation.runner import DbtResult, invoke

DESTINATIONS = ("duckdb", "ducklake")


@pytest.fixture(params=DESTINATIONS)
def settings(
    request: pytest.FixtureRequest, stack_home: Path, monkeypatch: pytest.MonkeyPatch
) -> WarehouseSettings:
    """An empty warehouse, once as a DuckDB file and once as a DuckLake."""
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    return load_settings(WarehouseSettings)


@pytest.fixture
def duckdb_settings(stack_home: Path) -> WarehouseSettings:
    """An empty warehouse in a DuckDB file."""
    return load_settings(WarehouseSettings)


@pytest.fixture(scope="session")
def modelled_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Makes a STACK_HOME whose warehouse holds the hand-made rows and their models.

    Each destination is modelled once; a test gets a copy.
    """
    made: dict[str, Path] = {}

    def make(destination: str) -> Path:
        if destination not in made:
            home = tmp_path_factory.mktemp(destination)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("stack.settings.env_files", tuple)
                patch.setenv("STACK_HOME", str(home))
                patch.setenv("DLT_DESTINATION", destination)
                load(load_settings(WarehouseSettings), ROWS)
                assert run_dbt(load_settings(WarehouseSettings)).result.success
            made[destination] = home
        return made[destination]

    yield make
    for home in made.values():
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def modelled(stack_home: Path, modelled_home: Callable[[str], Path]) -> WarehouseSettings:
    """A DuckDB file with the hand-made rows and their models."""
    shutil.copytree(modelled_home("duckdb"), stack_home, dirs_exist_ok=True)
    return load_settings(WarehouseSettings)


def run_dbt(settings: WarehouseSettings, *options: str) -> DbtRun:
    """Run the models of the checkout's project."""
    scratch = settings.stack_home / "scratch" / "dbt"
    return run_models(load_project(), settings, scratch, lambda _: None, options)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of its own."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def invoke_dbt(*arguments: str) -> DbtResult:
    """Run a dbt command on the checkout's project."""
    project = load_project()
    return invoke(project, arguments, project.stack_home / "scratch" / "dbt")
