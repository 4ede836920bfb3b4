"""Fixtures of all layers: a stack of its own in a temporary folder, deaf to the developer's."""

import importlib
import os
from pathlib import Path

import pytest

from stack.settings import Settings

SETTINGS_MODULES = (
    "stack.settings",
    "ingestion.settings",
    "transformation.settings",
    "quality.settings",
    "catalog.settings",
)


def settings_classes() -> list[type[Settings]]:
    """Every settings class of the stack."""
    for module in SETTINGS_MODULES:
        importlib.import_module(module)

    def below(cls: type[Settings]) -> list[type[Settings]]:
        return [c for sub in cls.__subclasses__() for c in (sub, *below(sub))]

    return below(Settings)


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
