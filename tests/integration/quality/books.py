"""Writes small books and their marts into the configured warehouse, and changes them."""

from pathlib import Path

from quality.declarations import Checkpoint, load_checkpoint
from quality.results import Validation
from quality.settings import GreatExpectationsSettings
from quality.validation import run_checkpoint
from stack.raw import raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables
from transformation.models import run_models
from transformation.project import load_project

HERE = Path(__file__).parent
RAW = "freelancer_raw"


def write_raw_books(*changes: str) -> WarehouseSettings:
    """Raw tables, changed by `changes`."""
    settings = load_settings(WarehouseSettings)
    _execute(settings, (HERE / "raw.sql").read_text(), *changes)
    return settings


def write_books(*changes: str, after: tuple[str, ...] = ()) -> WarehouseSettings:
    """The same, and their models as dbt makes them, changed by `after`."""
    settings = write_raw_books(*changes)
    make_models(settings)
    _execute(settings, *after)
    return settings


def make_models(settings: WarehouseSettings) -> None:
    run_models(load_project(), settings, settings.stack_home / "scratch", lambda _: None)


def checkpoint(*suites: str) -> Checkpoint:
    """The daily checkpoint, or only these of its suites."""
    settings = load_settings(GreatExpectationsSettings)
    found = load_checkpoint(settings.project_dir, settings.ge_checkpoint_name)
    kept = tuple(s for s in found.suites if not suites or s.name in suites)
    return Checkpoint(found.name, found.project, kept)


def validate(settings: WarehouseSettings, *suites: str, run_id: str = "run-1") -> Validation:
    return run_checkpoint(checkpoint(*suites), settings, run_id=run_id, report=lambda _line: None)


def not_met(validation: Validation) -> dict[str, int | None]:
    """`<table>: <check>` of what is not met, with the number of rows."""
    return {f"{r.table}: {r.expectation.name}": r.unexpected_count for r in validation.failures}


def _execute(settings: WarehouseSettings, *statements: str) -> None:
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables())
        for statement in statements:
            connection.execute(statement.format(raw=RAW))
