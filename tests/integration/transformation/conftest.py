"""A warehouse with hand-made raw rows, on a DuckDB file and on a DuckLake."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from stack.settings import WarehouseSettings, load_settings
from support.homes import copy_home, only_home
from tests.integration.transformation.books_and_shop import ROWS, load
from transformation.assets import dbt_run, dbt_test
from transformation.models import DbtRun, run_models
from transformation.project import load_project
from transformation.runner import DbtResult, invoke

DESTINATIONS = ("duckdb", "ducklake")


@dataclass(frozen=True)
class Modelled:
    """A STACK_HOME whose hand-made rows were modelled and tested, and what Dagster has of it."""

    home: Path
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="session")
def modelled_homes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Modelled]]:
    """Models each destination once; a test gets a copy."""
    made: dict[str, Modelled] = {}

    def make(destination: str) -> Modelled:
        if destination not in made:
            home = tmp_path_factory.mktemp(destination)
            with only_home(home, DLT_DESTINATION=destination):
                load(load_settings(WarehouseSettings), ROWS)
                with dg.DagsterInstance.ephemeral() as instance:
                    result = dg.materialize([dbt_run, dbt_test], instance=instance)
            made[destination] = Modelled(home, result)
        return made[destination]

    yield make
    for modelled in made.values():
        shutil.rmtree(modelled.home, ignore_errors=True)


@pytest.fixture(params=DESTINATIONS)
def on_each(
    request: pytest.FixtureRequest,
    stack_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    modelled_homes: Callable[[str], Modelled],
) -> WarehouseSettings:
    """The hand-made rows and their models, once in a DuckDB file and once in a DuckLake."""
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    copy_home(modelled_homes(request.param).home, stack_home)
    return load_settings(WarehouseSettings)


@pytest.fixture
def duckdb_settings(stack_home: Path) -> WarehouseSettings:
    """An empty warehouse in a DuckDB file."""
    return load_settings(WarehouseSettings)


@pytest.fixture
def modelled(stack_home: Path, modelled_homes: Callable[[str], Modelled]) -> WarehouseSettings:
    """A DuckDB file with the hand-made rows and their models."""
    copy_home(modelled_homes("duckdb").home, stack_home)
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
