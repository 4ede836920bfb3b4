"""One sync of a connection: connector to Parquet to warehouse, rows and state together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.airbyte.columns import type_in_warehouse, type_of_warehouse
from ingestion.airbyte.connection import Connection
from ingestion.airbyte.environments import require
from ingestion.airbyte.process import Limits
from ingestion.airbyte.protocol import Connector, ConnectorError
from ingestion.airbyte.reading import Outcome, Reading
from ingestion.airbyte.records import BadRecord
from ingestion.airbyte.remembered import Memory
from ingestion.airbyte.source import Source
from ingestion.airbyte.state import StateLog
from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Quarantine
from ingestion.settings import AirbyteSettings
from stack.errors import StackError
from stack.load_report import InputReport, SetAside, TableReport
from stack.load_report import Outcome as Became
from stack.raw import Column, RawTable
from stack.settings import StackSettings, WarehouseSettings, environment_variables, load_settings
from stack.sql import identifier
from stack.warehouse import columns_of, connect

OUTCOMES: dict[Outcome, Became] = {
    "complete": Became.LOADED,
    "checkpoint": Became.PARTLY,
    "discarded": Became.FAILED,
}


@dataclass(frozen=True)
class Synced:
    """What a sync did with each stream of a connection, and with its tables, by name."""

    inputs: tuple[InputReport, ...] = ()
    tables: dict[str, TableReport] = field(default_factory=dict)


class SyncError(StackError):
    """A sync didn't complete; `done` says what was committed all the same."""

    def __init__(self, message: str, done: Synced | None = None) -> None:
        super().__init__(message)
        self.done = done or Synced()


def sync(  # noqa: PLR0913 - a run passes all of these, once
    connection: Connection,
    settings: AirbyteSettings,
    *,
    scratch: Path,
    logger: logging.Logger,
    quarantine: Quarantine,
    scope: Scope = WHAT_IS_NEW,
) -> Synced:
    """Read what is in `scope`, by default what is new, into the connection's raw tables.

    A stream read from its beginning counts only once it was read to its end; if it breaks off, its
    table and state stay as they were. Records that don't fit their table are in the quarantine
    before anything is committed. Raises SyncError when the connector fails, after committing what a
    STATE covered. Other errors and interruptions commit nothing.
    """
    from ingestion.loading import read_state

    environment = require(connection, settings.connectors)
    config, secrets = connection.resolve_config(environment_variables())
    limits = Limits(settings.airbyte_deadline_seconds, settings.airbyte_silence_seconds)
    package = connection.connector.package
    present = present_columns(connection)
    saved = read_state(connection.name)
    fields = saved.pop("fields", {})

    def states() -> StateLog:
        return StateLog(
            saved,
            package.partition("==")[0],
            {n for n, stream in connection.streams.items() if stream.sync_mode == "incremental"},
            lost={name for name, columns in present.items() if not columns},
            anew=scope.anew,
        )

    before = states()
    if before.foreign:
        logger.warning("%s: state of %s is not for %s; all is read anew", connection.name,
                       before.foreign, package)  # fmt: skip
    for stream in before.forgotten:
        logger.warning("%s is gone; stream %s is read anew", connection.table_name(stream), stream)
    artifacts = load_settings(StackSettings).artifacts
    memory = Memory(connection, environment, config, url=artifacts, logger=logger)
    with Connector(
        environment, config, secrets=secrets, limits=limits, scratch=scratch / "airbyte",
        logger=logger,
    ) as connector:  # fmt: skip
        source = Source(connection, connector, memory, present=present, known=fields, states=states,
                        anew=scope.anew, logger=logger)  # fmt: skip
        try:
            found = source.read(ask=scope.full_refresh)
        except ConnectorError as error:
            raise SyncError(str(error)) from None
        failed, reading = _without(connection, found.unavailable), found.reading
        if reading is None:
            raise SyncError("; ".join(found.unavailable.values()), failed)
        failures = [*found.unavailable.values(), *found.failures]
        done = _commit(connection, reading, quarantine, scope, present=present, fields=fields)
        done = Synced((*done.inputs, *failed.inputs), done.tables)
    if failures:
        outcomes = reading.outcomes().items()
        told = ", ".join(f"{connection.table_name(name)} {outcome}" for name, outcome in outcomes)
        raise SyncError(f"{'; '.join(failures)} (committed: {told})", done)
    if found.asked:
        memory.keep(found.asked.streams, found.asked.at)
    return done


def _without(connection: Connection, unavailable: Mapping[str, str]) -> Synced:
    """The report of streams that couldn't be read."""
    return Synced(
        tuple(
            InputReport(
                name=f"{connection.name}.{name}",
                table=connection.table_name(name),
                outcome=Became.FAILED,
                reason=told,
            )
            for name, told in unavailable.items()
        )
    )


def _commit(  # noqa: PLR0913 - what a sync has, once
    connection: Connection,
    reading: Reading,
    quarantine: Quarantine,
    scope: Scope,
    *,
    present: Mapping[str, Mapping[str, str]],
    fields: Mapping[str, Mapping[str, str]],
) -> Synced:
    """Load the rows of each stream that may be committed, together with their state."""
    from ingestion.loading import TableFile, load
    from ingestion.loading.days import replace_days

    files: list[TableFile] = []
    loaded: dict[str, int] = {}
    tables: dict[str, TableReport] = {}
    aside: dict[str, SetAside] = {}
    outcomes = reading.outcomes()
    for name, outcome in outcomes.items():
        writer, target = reading.writers[name], reading.targets[name]
        found = None
        replace = scope.full_refresh or not target.incremental
        if scope.days and not target.table.primary_key:
            replace = True  # read whole, and its rows can't be told from those already there
        if outcome != "discarded":
            found = writer.finish(covered_only=outcome == "checkpoint", even_if_empty=replace)
            if writer.bad:
                aside[name] = _set_aside(connection, name, writer.bad, quarantine)
        loaded[name] = found[1] if found else 0
        if found:
            if scope.days and target.table.event_date and target.table.primary_key:
                tables[target.table.table_name] = replace_days(target.table, [found[0]], scope.days)
            else:
                table = target.table
                if not table.columns:  # the source has no schema: the types come from the records
                    columns = tuple(Column(name=n, type=t) for n, t in writer.columns.items())
                    table = table.model_copy(update={"columns": columns})
                types = {}
                if connection.declared_table(name) is None:
                    before = {c: t for c, t in present[name].items() if c in writer.columns}
                    types = {c: t for c, t in writer.columns.items() if before.get(c, t) != t}
                    if not replace:
                        _require_room(table, types, before)
                types = {c: type_in_warehouse(t) for c, t in types.items()}
                files.append(TableFile(table, *found, replace=replace, types=types))
    states = reading.states
    committed = {name for name, outcome in outcomes.items() if outcome != "discarded"}
    state = states.merged(() if scope.days else committed)
    if committed:
        # A field keeps its column, also if others that are spelled alike come before it later.
        state["fields"] = {
            **fields,
            **{n: {**reading.targets[n].known, **reading.writers[n].fields} for n in committed},
        }
        tables |= load(connection.name, files, state, progress=lambda _: None).tables
    inputs = []
    for name, outcome in outcomes.items():
        writer, table = reading.writers[name], reading.targets[name].table
        records = reading.records(name, covered_only=outcome == "checkpoint")
        report = tables.get(table.table_name)
        inputs.append(
            InputReport(
                name=f"{connection.name}.{name}",
                table=table.table_name,
                outcome=OUTCOMES[outcome],
                # Days are a selection of what was read: the other records aren't missing.
                records=None if report and report.disposition == "days" else records,
                loaded=loaded[name],
                merged_away=writer.merged_away,
                set_aside=(aside[name],) if name in aside else (),
                bytes=reading.bytes_read[name],
                seconds=round(reading.seconds[name] + (report.seconds if report else 0.0), 3),
                state=reading.connector.redact(states.text_of(name, state)),
                facts={
                    "sync_mode": reading.targets[name].declared.sync_mode,
                    "connector": connection.connector.package,
                    "rows_seen": writer.seen,
                },
            )
        )
    known = [target.table for target in reading.targets.values()]
    return Synced(tuple(inputs), with_all_tables(known, tables))


def _require_room(table: RawTable, types: Mapping[str, str], present: Mapping[str, str]) -> None:
    """Raise SyncError if the table has whole numbers that a column's wider type can't hold."""
    warehouse = load_settings(WarehouseSettings)
    name = f"{identifier(warehouse.dlt_dataset_name)}.{identifier(table.table_name)}"
    for column in [n for n, t in types.items() if (present[n], t) == ("bigint", "double")]:
        with connect(warehouse, read_only=True) as database:
            large = (
                f"select 1 from {name} where abs({identifier(column)}::hugeint) > {2**53} limit 1"
            )
            if database.execute(large).fetchone():
                raise SyncError(
                    f"{table.table_name}.{column} has whole numbers beyond 2**53, and its source "
                    "announces numbers with fractions now, which have no room for them; run with "
                    "force_full_refresh to read it anew"
                )


def _set_aside(
    connection: Connection, stream: str, bad: Sequence[BadRecord], quarantine: Quarantine
) -> SetAside:
    return quarantine.keep_records(
        "airbyte",
        f"{connection.name}.{stream}",
        connection.table_name(stream),
        bad[0].reason,
        [{"reason": r.reason, "position": r.position, "record": r.data} for r in bad],
    ).told()


def present_columns(connection: Connection) -> dict[str, dict[str, str]]:
    """The warehouse's columns of each stream's table, by name with their type."""
    warehouse = load_settings(WarehouseSettings)
    schema = warehouse.dlt_dataset_name
    with connect(warehouse, read_only=True) as database:
        return {
            stream: {column: type_of_warehouse(type_) for column, type_ in columns.items()}
            for stream in connection.streams
            for columns in [columns_of(database, warehouse, schema, connection.table_name(stream))]
        }
