"""Fixtures of all layers: a stack in a temporary folder, isolated from the developer's."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from alembic.script import ScriptDirectory
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from stack.garbage import spare_what_is_loaded
from support.homes import set_home

# A busy machine is no reason to fail: nothing here is about time. CI's profile is long, and the
# same each time: a change fails by what it changed. `search` looks for what nobody has met yet.
settings.register_profile("quick", deadline=None, max_examples=20)
settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
spare_what_is_loaded()  # as in each process of the stack
# For each instance Dagster reads its 89 revisions of the database's schema anew.
ScriptDirectory.from_config = cache(ScriptDirectory.from_config)
# For each connection to a lake DuckDB verifies the signatures of 70 MB of extensions; what tests
# start as processes of their own does it.
_connect = duckdb.connect


def connect_without_verifying(*args: Any, **options: Any) -> duckdb.DuckDBPyConnection:
    config = {**(options.pop("config", None) or {}), "allow_unsigned_extensions": True}
    return _connect(*args, config=config, **options)


duckdb.connect = connect_without_verifying

LONGEST = ("tests/integration/pipeline/", "tests/integration/continuation/")


class FolderScheduling(LoadScopeScheduling):
    """A folder's tests go to one worker: they share its fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0].rpartition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders that take longest begin first, so that no worker waits for one at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture
def stack_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """STACK_HOME in a temporary folder, with no other variable of the stack set."""
    home = tmp_path / "stack"
    set_home(monkeypatch, home)
    return home
