"""A STACK_HOME for a whole session, and copies of it for tests that change it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from scripts.env_example import settings_classes


def set_home(patch: pytest.MonkeyPatch, home: Path, **variables: str) -> None:
    """Set STACK_HOME and these variables, and unset the stack's others."""
    for name in (name.upper() for cls in settings_classes() for name in cls.model_fields):
        patch.delenv(name, raising=False)
    for name, value in {"STACK_HOME": str(home), **variables}.items():
        patch.setenv(name, value)
    patch.setattr("stack.settings.env_files", tuple)


@contextmanager
def only_home(home: Path, **variables: str) -> Iterator[None]:
    """The same for a block, for session fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        set_home(patch, home, **variables)
        yield


def copy_home(made: Path, home: Path) -> None:
    """Copy a STACK_HOME; its lake stores the path of its data, which becomes the copy's."""
    shutil.copytree(made, home, dirs_exist_ok=True)
    catalog = home / "lake" / "catalog.sqlite"
    if catalog.exists():
        with closing(sqlite3.connect(catalog)) as connection, connection:
            place = ("update ducklake_metadata set value = ? where key = 'data_path'",)
            connection.execute(*place, [f"{home / 'lake' / 'data'}/"])
