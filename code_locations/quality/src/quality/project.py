"""The Great Expectations project that a run works on: a writable copy of the declared one."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.file_data_context import FileDataContext

# Declared in YAML for people; the copy has Great Expectations' own JSON instead.
_DECLARATIONS = {"suites", "checkpoints.yml", "uncommitted", ".gitignore"}


@contextmanager
def working_copy(project: Path, home: Path, *, keep: bool) -> Iterator[Path]:
    """A private copy of the project; after the block it becomes `home`, if `keep`.

    The project may be read-only, and runs may overlap: the last one to end is kept.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    copy = home.with_name(f".{home.name}-{uuid4().hex}")
    try:
        _copy(project, copy)
        yield copy
        if not keep:
            return
        old = home.with_name(f".{home.name}-{uuid4().hex}")
        if home.exists():
            home.rename(old)
        copy.rename(home)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def open_context(copy: Path) -> FileDataContext:
    """The Great Expectations context of a working copy; nothing is sent anywhere."""
    import great_expectations as gx

    return gx.get_context(mode="file", context_root_dir=copy)


def put_off_scipy() -> None:
    """Load scipy's statistics when they are used, not when Great Expectations is imported.

    None of our expectations uses them, and they take a third of the import's time.
    """
    name = "scipy.stats"
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["scipy"].stats = module  # type: ignore[attr-defined]


def _copy(project: Path, copy: Path) -> None:
    """Copy contents but not modes: a read-only project's would make the copy read-only."""
    for file in project.rglob("*"):
        relative = file.relative_to(project)
        if relative.parts[0] in _DECLARATIONS or not file.is_file():
            continue
        target = copy / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
