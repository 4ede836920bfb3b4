"""Fixtures of all layers: a stack of its own in a temporary folder, deaf to the developer's."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from scripts.env_example import settings_classes

# A busy machine is no reason to fail: nothing here is about time.
settings.register_profile("stack", deadline=None)
settings.load_profile("stack")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests go to one worker, and those of `ran`, the longest of the fixtures, too."""
    for item in items:
        uses_ran = "ran" in getattr(item, "fixturenames", ())
        item.add_marker(
            pytest.mark.xdist_group("ran" if uses_ran else item.nodeid.partition("::")[0])
        )


@pytest.fixture
def stack_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """STACK_HOME in a temporary folder, with no other variable of the stack set."""
    names = {name.upper() for cls in settings_classes() for name in cls.model_fields}
    for name in names & set(os.environ):
        monkeypatch.delenv(name)
    home = tmp_path / "stack"
    monkeypatch.setenv("STACK_HOME", str(home))
    monkeypatch.setattr("stack.settings.env_files", tuple)
    return home
