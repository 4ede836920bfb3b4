"""A validation of data with everything wrong, which many tests read: it costs seconds."""

from collections.abc import Iterator

import pytest

from integration.quality.books import validate, write_books
from integration.quality.wrongs import IN_THE_MARTS, IN_THE_RAW_TABLES
from quality.results import Validation


@pytest.fixture(scope="session", params=["duckdb", "ducklake", "duckdb, tables too large"])
def everything_wrong(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Validation]:
    """All of the wrongs at once, on both warehouses, and with frames cut by SQL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stack.settings.env_files", tuple)
        patch.setenv("STACK_HOME", str(tmp_path_factory.mktemp("wrong")))
        patch.setenv("DLT_DESTINATION", request.param.split(",")[0])
        if "large" in request.param:
            patch.setattr("quality.frames.FULL_FRAME_ROWS", 0)
        settings = write_books(
            *[wrong.sql for wrong in IN_THE_RAW_TABLES],
            after=tuple(wrong.sql for wrong in IN_THE_MARTS),
        )
        yield validate(settings)
