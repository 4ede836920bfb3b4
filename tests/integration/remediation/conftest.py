"""A stack with sample books loaded, modelled and validated; each test gets a copy."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from ingestion.assets import dlt_ingestion_pipeline
from ingestion.sample_data.exports import write_sample_data
from integration.remediation.stack import Stack
from quality.assets import great_expectations_validation
from transformation.assets import dbt_run, dbt_test

ASSETS = [dlt_ingestion_pipeline, dbt_run, dbt_test, great_expectations_validation]


@pytest.fixture(scope="session")
def healthy_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Makes the STACK_HOME of a destination once."""
    made: dict[str, Path] = {}

    def make(destination: str) -> Path:
        if destination not in made:
            home = tmp_path_factory.mktemp(destination) / "stack"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("stack.settings.env_files", tuple)
                patch.setenv("STACK_HOME", str(home))
                patch.setenv("DLT_DESTINATION", destination)
                write_sample_data(home / "exports" / "books", 1000)
                with dg.DagsterInstance.ephemeral() as instance:
                    assert dg.materialize(ASSETS, instance=instance).success
            made[destination] = home
        return made[destination]

    yield make
    for home in made.values():
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def stack(healthy_home: Callable[[str], Path], stack_home: Path) -> Iterator[Stack]:
    """A healthy stack with a DuckDB file, and a Dagster instance."""
    shutil.copytree(healthy_home("duckdb"), stack_home)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Stack(stack_home, instance)
