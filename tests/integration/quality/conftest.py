"""A validation of data with every kind of fault; it takes seconds, so many tests share it."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from integration.quality.books import validate, write_books
from integration.quality.wrongs import IN_THE_MARTS, IN_THE_RAW_TABLES
from quality.results import Validation
from stack.settings import WarehouseSettings, load_settings
from support.homes import only_home


@pytest.fixture(scope="session")
def wrong_homes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The STACK_HOME with all of the wrongs at once, made once for each warehouse."""

    @cache
    def make(destination: str) -> Path:
        home = tmp_path_factory.mktemp("wrong")
        with only_home(home, DLT_DESTINATION=destination):
            write_books(
                *[wrong.sql for wrong in IN_THE_RAW_TABLES],
                after=tuple(wrong.sql for wrong in IN_THE_MARTS),
            )
        return home

    return make


@pytest.fixture(scope="session", params=["duckdb", "ducklake", "duckdb, tables too large"])
def everything_wrong(
    request: pytest.FixtureRequest, wrong_homes: Callable[[str], Path]
) -> Iterator[Validation]:
    """Its validation, on both warehouses, and with frames cut by SQL."""
    destination = request.param.split(",")[0]
    with (
        only_home(wrong_homes(destination), DLT_DESTINATION=destination),
        pytest.MonkeyPatch.context() as patch,
    ):
        if "large" in request.param:
            patch.setattr("quality.frames.FULL_FRAME_ROWS", 0)
        yield validate(load_settings(WarehouseSettings))
