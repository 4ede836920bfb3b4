"""One sync of a connection: connector to Parquet to warehouse, rows and state together."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.airbyte.columns import type_of_warehouse
from ingestion.airbyte.connection import Connection
from ingestion.airbyte.environments import require
from ingestion.airbyte.process import Limits
from ingestion.airbyte.protocol import Connector, ConnectorError
from ingestion.airbyte.reading import Outcome, Reading
from ingestion.airbyte.records import BadRecord
from ingestion.airbyte.scope import WHAT_IS_NEW, Scope
from ingestion.airbyte.state import StateLog
from ingestion.airbyte.targets import StreamUnavailableError, build_targets
from ingestion.settings import AirbyteSettings
from stack.raw import RawTable
from stack.settings import WarehouseSettings, environment_variables, load_settings
from stack.warehouse import columns_of, connect, ensure_raw_tables, row_count


class SyncError(RuntimeError):
    """A sync didn't complete; `report` says what was committed nevertheless."""

    def __init__(self, message: str, report: SyncReport) -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True)
class StreamReport:
    """What a sync did with one stream.

    `outcome` is `complete`, `checkpoint` (rows up to the connector's last STATE are in the
    table) or `discarded`. `rows_loaded` counts what went into the table, after bad records
    and older versions of a row were left out; `rows_total` is the table's rows afterwards.
    None is a count that nobody tells. `state` is what the connector will go on from, as one
    line of text; `facts` are further metadata.
    """

    stream: str
    table: RawTable
    sync_mode: str
    outcome: Outcome
    state: str = ""
    rows_read: int | None = 0
    rows_loaded: int | None = 0
    rows_total: int | None = 0
    bytes_read: int | None = 0
    duration_s: float = 0.0
    columns_added: tuple[str, ...] = ()
    bad: tuple[BadRecord, ...] = field(default=(), repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def table_name(self) -> str:
        """Name of the table within the raw schema."""
        return self.table.table_name


@dataclass(frozen=True)
class SyncReport:
    """What a sync of a connection did."""

    connection: str
    connector: str
    streams: tuple[StreamReport, ...] = ()
    duration_s: float = 0.0


Quarantine = Callable[[str, bytes], None]


def sync(  # noqa: PLR0913 - what a run gives, once
    connection: Connection,
    settings: AirbyteSettings,
    *,
    scratch: Path,
    logger: logging.Logger,
    quarantine: Quarantine,
    scope: Scope = WHAT_IS_NEW,
) -> SyncReport:
    """Read what is in `scope`, by default what is new, into the connection's raw tables.

    A stream that is read from its beginning counts once it was read to its end; one that
    breaks off leaves table and state as they were.
    `quarantine` is given a name and JSON lines for records that don't fit their table,
    before anything is committed. Raises SyncError when the connector fails; what it covered
    by STATE is committed first. Other errors, and interruption, commit nothing.
    """
    from ingestion.loading import read_state

    started = time.perf_counter()
    environment = require(connection, settings.connectors)
    config, secrets = connection.resolve_config(environment_variables())
    limits = Limits(settings.airbyte_deadline_seconds, settings.airbyte_silence_seconds)
    package = connection.connector.package
    present = present_columns(connection)
    states = StateLog(
        read_state(connection.name),
        package.partition("==")[0],
        {name for name, stream in connection.streams.items() if stream.sync_mode == "incremental"},
        lost={name for name, columns in present.items() if not columns},
        anew=scope.anew,
    )
    if states.foreign:
        logger.warning("%s: state of %s is not for %s; all is read anew", connection.name,
                       states.foreign, package)  # fmt: skip
    for stream in states.forgotten:
        logger.warning("%s is gone; stream %s is read anew", connection.table_name(stream), stream)
    with Connector(
        environment, config, secrets=secrets, limits=limits, scratch=scratch / "airbyte",
        logger=logger,
    ) as connector:  # fmt: skip
        try:
            targets = build_targets(connection, connector.discover(), present)
        except (ConnectorError, StreamUnavailableError) as error:
            raise SyncError(str(error), SyncReport(connection.name, package)) from None
        logger.info("%s: connected, reading %s", connection.name, ", ".join(targets))
        reading = Reading(
            connector,
            targets,
            states,
            resumable=connection.connector.resumable and not scope.anew,
            logger=logger,
        )
        failures = reading.run()
        report = _commit(connection, reading, quarantine, started, scope)
    if failures:
        done = ", ".join(f"{s.table_name} {s.outcome}" for s in report.streams)
        raise SyncError(f"{'; '.join(failures)} (committed: {done})", report)
    return report


def _commit(
    connection: Connection,
    reading: Reading,
    quarantine: Quarantine,
    started: float,
    scope: Scope,
) -> SyncReport:
    """Load the rows of each stream that may be committed, and their state with them."""
    from ingestion.loading import TableFile, TableReport, load
    from ingestion.loading.days import replace_days

    files, loaded = [], {}
    dated: dict[str, TableReport] = {}
    outcomes = reading.outcomes()
    for name, outcome in outcomes.items():
        writer, target = reading.writers[name], reading.targets[name]
        found = None
        replace = scope.full_refresh or not target.incremental
        if scope.days and not target.table.primary_key:
            replace = True  # read as a whole, and nothing tells its rows from those there
        if outcome != "discarded":
            found = writer.finish(covered_only=outcome == "checkpoint", even_if_empty=replace)
            if writer.bad:
                quarantine(target.table.table_name, _json_lines(writer.bad))
        loaded[name] = found[1] if found else 0
        if found:
            if scope.days and target.table.event_date and target.table.primary_key:
                dated[name] = replace_days(target.table, [found[0]], scope.days)
                loaded[name] = dated[name].rows_loaded
            else:
                files.append(TableFile(target.table, *found, replace=replace))
    states = reading.states
    committed = {name for name, outcome in outcomes.items() if outcome != "discarded"}
    state = states.merged(() if scope.days else committed)
    tables = {}
    if committed:
        tables = load(connection.name, files, state, progress=lambda _: None).tables
    totals = _rows_by_table(target.table for target in reading.targets.values())
    streams = []
    for name, outcome in outcomes.items():
        writer, table = reading.writers[name], reading.targets[name].table
        report = dated.get(name) or tables.get(table.table_name)
        streams.append(
            StreamReport(
                stream=name,
                table=table,
                sync_mode=reading.targets[name].declared.sync_mode,
                outcome=outcome,
                state=reading.connector.redact(states.text_of(name, state)),
                rows_read=writer.seen,
                rows_loaded=loaded[name],
                rows_total=totals[table.table_name],
                bytes_read=reading.bytes_read[name],
                duration_s=reading.seconds[name] + (report.duration_s if report else 0.0),
                columns_added=report.columns_added if report else (),
                bad=tuple(writer.bad),
            )
        )
    duration = time.perf_counter() - started
    return SyncReport(connection.name, connection.connector.package, tuple(streams), duration)


def present_columns(connection: Connection) -> dict[str, dict[str, str]]:
    """Columns that the warehouse has of each stream's table, by name with their type."""
    warehouse = load_settings(WarehouseSettings)
    schema = warehouse.dlt_dataset_name
    with connect(warehouse, read_only=True) as database:
        return {
            stream: {
                column.name: type_of_warehouse(column.type)
                for column in columns_of(database, warehouse, schema, connection.table_name(stream))
            }
            for stream in connection.streams
        }


def _rows_by_table(tables: Iterable[RawTable]) -> dict[str, int]:
    """Rows of each raw table; one that no row ever went into is made, empty."""
    warehouse = load_settings(WarehouseSettings)
    found = list(tables)
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, found)
        schema = warehouse.dlt_dataset_name
        return {t.table_name: row_count(connection, schema, t.table_name) for t in found}


def _json_lines(bad: list[BadRecord]) -> bytes:
    return b"".join(
        json.dumps({"reason": r.reason, "position": r.position, "record": r.data}).encode() + b"\n"
        for r in bad
    )
