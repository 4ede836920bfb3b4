"""Writes small books and their marts into the warehouse of the settings, and changes them."""

from pathlib import Path

from quality.declarations import Checkpoint, load_checkpoint
from quality.results import Validation
from quality.settings import GreatExpectationsSettings
from quality.validation import run_checkpoint
from stack.raw import raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables

HERE = Path(__file__).parent
RAW = "freelancer_raw"


def write_books(*changes: str, after: tuple[str, ...] = ()) -> WarehouseSettings:
    """Raw tables, changed by `changes`, and their marts, changed by `after`."""
    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables())
        statements = [_sql("raw.sql"), *changes, _sql("marts.sql"), *after]
        for statement in statements:
            connection.execute(statement.format(raw=RAW))
    return settings


def write_empty_marts() -> WarehouseSettings:
    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables())
        connection.execute(_sql("marts.sql").format(raw=RAW))
    return settings


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


def _sql(name: str) -> str:
    return (HERE / name).read_text()
