"""The summary at the end of `make run`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stack.errors import one_line
from stack.one_machine.events import RunRecord, TableResult
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.words import several

ERROR = dg.AssetCheckSeverity.ERROR
LAYERS = ("raw", "staging", "intermediate", "marts")
QUERY_TO_TRY = "select * from marts.revenue_by_month order by revenue_month desc, stream limit 5"


def print_summary(console: Console, record: RunRecord, *, succeeded: bool) -> None:
    """Print what the run loaded, modelled, validated and catalogued, and where to look next."""
    if record.tables:
        console.print(_tables(record))
    loaded = sum(t.loaded or 0 for t in record.tables.values())
    if succeeded and not loaded and any(t.path[0] == "raw" for t in record.tables.values()):
        console.print("Nothing new in the sources: the tables stay as they were.")
    if record.held_since is not None:
        console.print(
            f"{several(record.held_models, 'model')} and {several(record.held_checks, 'check')} "
            f"hold since {datetime.fromtimestamp(record.held_since, UTC):%Y-%m-%d %H:%M} UTC: "
            "nothing that they follow from has changed. `stack run --full` does all again."
        )
    passed, failed = _count(c for checks in record.checks.values() for c in checks)
    layers = {t.path[0] for t in record.tables.values()}
    rows = sum(t.rows or 0 for t in record.tables.values() if t.path[0] == "raw")
    console.print(
        f"{loaded:,} rows loaded ({rows:,} in the raw tables), {len(record.tables)} tables in "
        f"{len(layers)} layers, {passed} checks passed, {failed} failed."
    )
    _where_next(console, record)
    errors, warnings = _failed_checks(console, record)
    if succeeded and not errors:
        told = "succeeded." if not warnings else f"succeeded, with {several(warnings, 'warning')}."
        console.print(f"[bold green]The pipeline {told}[/bold green]")
        return
    if succeeded:
        console.print(
            f"[bold yellow]The pipeline ran to its end, but {several(errors, 'check')} failed; "
            "what they are about can't be trusted.[/bold yellow]"
        )
        return
    console.print("[bold red]The pipeline failed:[/bold red]")
    if record.failure:
        console.print(f"  [red]{escape(record.failure)}[/red]")
    for step in record.steps.values():
        if step.error:
            console.print(f"  [red]{step.name}[/red]: {escape(step.error)}")
    console.print("Correct it and `make run` again: what is loaded stays loaded.")


def _failed_checks(console: Console, record: RunRecord) -> tuple[int, int]:
    """Name each check that failed; return how many are errors, and how many warnings."""
    failed = [c for checks in record.checks.values() for c in checks if not c.passed]
    for check in failed:
        color, word = ("red", "ERROR") if check.severity is ERROR else ("yellow", "WARN")
        name = f"{'/'.join(check.asset_key.path)}: {check.check_name}"
        told = f": {check.description}" if check.description else ""
        console.print(f"  [{color}]{word}[/{color}] {escape(one_line(name + told, 400))}")
    errors = sum(check.severity is ERROR for check in failed)
    return errors, len(failed) - errors


def _tables(record: RunRecord) -> Table:
    table = Table(title="What the run did", title_justify="left")
    table.add_column("layer")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("loaded", justify="right")
    table.add_column("checks", justify="right")
    for result in sorted(record.tables.values(), key=_layer):
        passed, failed = _count(record.checks.get(result.path, ()))
        checks = f"{passed} of {passed + failed}" if passed + failed else ""
        table.add_row(
            result.path[0],
            result.path[-1],
            _number(result.rows),
            _loaded(result),
            f"[red]{checks}[/red]" if failed else checks,
        )
    return table


def _layer(result: TableResult) -> int:
    layer = result.path[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


def _count(checks: Iterable[dg.AssetCheckEvaluation]) -> tuple[int, int]:
    outcomes = [check.passed for check in checks]
    return outcomes.count(True), outcomes.count(False)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _loaded(result: TableResult) -> str:
    return "" if result.loaded is None else f"{result.loaded:,}"


def _where_next(console: Console, record: RunRecord) -> None:
    warehouse = load_settings(WarehouseSettings)
    stack = load_settings(StackSettings)
    place = warehouse.duckdb_file if warehouse.dlt_destination == "duckdb" else warehouse.lake_data
    rows = [
        ("UI", "make dev, then http://localhost:3000"),
        ("Warehouse", str(place)),
        ("Try", f'make query SQL="{QUERY_TO_TRY}"'),
    ]
    for asset, label, key in (
        ("great_expectations_validation", "Data Docs", "data_docs"),
        ("datahub_metadata_ingestion", "Catalog", "sink"),
    ):
        if value := record.metadata.get(asset, {}).get(key):
            rows.append((label, str(value)))
    rows.append(("Artifacts", stack.artifacts))
    for label, value in rows:
        console.print(f"[bold]{label:<9}[/bold]  {escape(value)}")
