"""The dlt pipeline of a source: one load of files and state, and reading the state back."""

from __future__ import annotations

import fcntl
import logging
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ingestion.loading.files import TableFile
from ingestion.loading.states import NeedsDltError, committed_states
from ingestion.loading.table import TableLoad
from ingestion.settings import DltSettings
from stack.errors import StackError
from stack.load_report import TableReport
from stack.outage import is_interruption
from stack.raw import RawTable
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.extract import DltResource
    from duckdb import DuckDBPyConnection

    from ingestion.loading.destination import WarehouseDestination

_STATE_KEY, _RESOURCES_KEY = "state", "resources"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """What a load put into the tables, by name, and how many rows of each file."""

    tables: dict[str, TableReport] = field(default_factory=dict)
    rows_by_file: dict[Path, int] = field(default_factory=dict)


class LoadError(StackError):
    """dlt couldn't complete a load; what was committed before stays."""

    def __init__(self, source: str, error: BaseException) -> None:
        cause = error
        while cause.__cause__ is not None or cause.__context__ is not None:
            cause = cause.__cause__ or cause.__context__ or cause
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        reason = lines[0] if lines else type(cause).__name__
        super().__init__(
            f"{source} could not be loaded: {reason}; its state is as before, so the next run "
            "loads the same again"
        )


def read_state(source: str) -> dict[str, Any]:
    """State of the source's last completed load, from the warehouse; empty before the first."""
    return dict(_read_states(source).get(_STATE_KEY, {}))


def read_states(source: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """As `read_state`, plus dlt's state of each resource of the source, by name."""
    found = _read_states(source)
    return dict(found.get(_STATE_KEY, {})), dict(found.get(_RESOURCES_KEY, {}))


def _read_states(source: str) -> dict[str, Any]:
    warehouse, settings = load_settings(WarehouseSettings), load_settings(DltSettings)
    with (
        working_directory(source, settings) as folder,
        connect(warehouse) as connection,
    ):
        return _committed_states(source, connection, folder, warehouse, settings)


def load(
    source: str,
    files: Iterable[TableFile],
    state: Mapping[str, Any],
    progress: Callable[[str], None] = _log.info,
    resources: Mapping[str, Any] | None = None,
) -> Loaded:
    """Merge the files into their raw tables on the primary key, and commit `state` with them.

    Rows whose key is there already are replaced, unless the table's row has a later
    `updated_at`; within the files the row with the latest one wins. A column that a table
    lacks is added to it. `state` replaces the source's state, as one JSON-able mapping; if
    the load doesn't complete it stays as it was, and loading the same files again ends with
    the same tables. `resources` is dlt's state of the source's resources, where they have one.
    `progress` is given a line a table. Raises EmptyKeyError before anything
    is loaded if rows have no primary key, and LoadError if dlt can't complete the load.
    """
    import duckdb

    warehouse, settings = load_settings(WarehouseSettings), load_settings(DltSettings)
    by_table: dict[RawTable, list[TableFile]] = {}
    for file in files:
        by_table.setdefault(file.table, []).append(file)
    started = time.perf_counter()
    with (
        working_directory(source, settings) as folder,
        connect(warehouse) as connection,
    ):
        ensure_raw_tables(connection, warehouse, by_table)
        states = {_STATE_KEY: dict(state)}
        if resources is not None:
            states[_RESOURCES_KEY] = dict(resources)
        if not by_table:
            committed = _committed_states(source, connection, folder, warehouse, settings)
            if all(committed.get(key, {}) == value for key, value in states.items()):
                return Loaded()
        pipeline = _pipeline(source, connection, folder, warehouse, settings)
        from dlt.pipeline.exceptions import PipelineStepFailed

        try:
            loads = [TableLoad(table, f, connection, warehouse) for table, f in by_table.items()]
            for item in loads:
                item.prepare(folder / "prepared")
            pipeline.sync_destination()
            widened = {item.table.table_name: item.widened for item in loads if item.widened}
            cast("WarehouseDestination", pipeline.destination).widened.update(widened)
            _run(pipeline, source, loads, states)
        except (duckdb.Error, PipelineStepFailed) as error:
            if is_interruption(error):
                raise
            raise LoadError(source, error) from error
        done = Loaded()
        for item in loads:
            report = item.report(time.perf_counter() - started)
            done.tables[report.table.table_name] = report
            done.rows_by_file.update(item.rows_by_file)
            gone = f", {report.rows_removed:,} marked as removed" if report.rows_removed else ""
            progress(f"{report.table.table_name}: {report.rows_loaded:,} rows{gone}")
            for column in report.columns_widened:
                progress(
                    f"{report.table.table_name}.{column.name} is {column.after.lower()} from now "
                    f"on, no longer {column.before.lower()}: a value has no room otherwise"
                )
    return done


def _run(
    pipeline: Pipeline, source: str, loads: list[TableLoad], states: Mapping[str, Any]
) -> None:
    import dlt

    @dlt.source(name=source)
    def tables() -> Iterator[DltResource]:
        for item in loads:
            yield item.resource()

    with pipeline.managed_state(extract_state=False) as managed:
        managed.setdefault("sources", {}).setdefault(source, {}).update(states)
    pipeline.extract(tables(), workers=1)
    pipeline.normalize(workers=1)
    # One connection and one writer at a time: DuckLake on SQLite locks itself out otherwise.
    pipeline.load(workers=1, raise_on_failed_jobs=True)


def _pipeline(
    source: str,
    connection: DuckDBPyConnection,
    folder: Path,
    warehouse: WarehouseSettings,
    settings: DltSettings,
) -> Pipeline:
    """The source's pipeline, which hasn't read the warehouse's state and schema yet."""
    with warnings.catch_warnings():
        # dlt imports sqlglot, which warns about an extra that DataHub still requires.
        warnings.filterwarnings("ignore", message=r"sqlglot\[rs\]")
        import dlt

    from ingestion.loading.destination import WarehouseDestination

    dlt.config["load.truncate_staging_dataset"] = True
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["load.raise_on_max_retries"] = 1
    # Else dlt finishes what it has begun and then reports an eviction as a failure.
    dlt.config["runtime.intercept_signals"] = False
    return dlt.pipeline(
        _name(source, settings),
        pipelines_dir=str(folder),
        destination=WarehouseDestination(
            connection, warehouse.database, is_lake=warehouse.dlt_destination == "ducklake"
        ),
        dataset_name=warehouse.dlt_dataset_name,
    )


def _committed_states(
    source: str,
    connection: DuckDBPyConnection,
    folder: Path,
    warehouse: WarehouseSettings,
    settings: DltSettings,
) -> dict[str, Any]:
    """The source's states in the warehouse; by dlt only where it must be."""
    try:
        name = _name(source, settings)
        return committed_states(connection, warehouse, name, source)
    except NeedsDltError as needed:
        _log.debug("%s: %s", source, needed)
    pipeline = _pipeline(source, connection, folder, warehouse, settings)
    from dlt.common.destination.exceptions import DestinationUndefinedEntity
    from dlt.pipeline.state_sync import load_pipeline_state_from_destination

    with pipeline.destination_client() as client:
        warehouse_client: Any = client
        try:
            state: Any = load_pipeline_state_from_destination(
                pipeline.pipeline_name, warehouse_client
            )
        except DestinationUndefinedEntity:  # nothing was loaded yet
            state = None
    return dict((state or {}).get("sources", {}).get(source, {}))


def _name(source: str, settings: DltSettings) -> str:
    return f"{settings.dlt_pipeline_name}_{source}"


@contextmanager
def working_directory(source: str, settings: DltSettings) -> Iterator[Path]:
    """An empty working directory of the source, used exclusively until the block ends.

    What a killed load left is dropped: its state wasn't committed, so the source delivers the same
    rows again, and merging them again changes nothing. A pod, which starts without a directory,
    works the same way.
    """
    root = settings.stack_home / "dlt"
    root.mkdir(parents=True, exist_ok=True)
    name = _name(source, settings)
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
