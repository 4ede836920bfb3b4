"""Loads raw tables anew from their sources; knows nothing of Dagster.

What was loaded is forgotten first, in the state that is committed to the warehouse: whatever
happens afterwards, the next load reads everything of these tables again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stack.raw import raw_table, raw_tables

if TYPE_CHECKING:
    from ingestion.airbyte.connection import Connection
    from ingestion.airbyte.sync import SyncReport
    from ingestion.sources.declarations import Source

_BOOKS = "books"


@dataclass
class Reingested:
    """Rows read anew by table, exports that can't be read with the reason, and what failed."""

    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"rows": self.rows, "quarantined": self.quarantined, "failures": self.failures}


def forget_books(tables: Collection[str]) -> None:
    """Forget which exports of these raw tables were loaded or refused. Raises LoadError."""
    from ingestion.books.exports import Export, assign
    from ingestion.loading import load, read_state

    state = read_state(_BOOKS)
    names = [table.name for table in raw_tables(_BOOKS)]

    def kept(path: str) -> bool:
        assigned = assign(Export(modified="", path=path, version="", size=0), names)
        return isinstance(assigned, str) or (
            raw_table(_BOOKS, assigned.table).table_name not in tables
        )

    parts = {part: state.get(part, {}) for part in ("files", "refused")}
    remaining = {
        part: {path: value for path, value in found.items() if kept(path)}
        for part, found in parts.items()
    }
    if remaining != parts:
        load(_BOOKS, [], {**state, **remaining})


def forget_streams(connection: Connection, tables: Collection[str]) -> None:
    """Forget how far the streams of these raw tables were read. Raises LoadError."""
    from ingestion.airbyte.state import without_streams
    from ingestion.loading import load, read_state

    state = read_state(connection.name)
    streams = [stream for stream in connection.streams if connection.table_name(stream) in tables]
    remaining = without_streams(state, streams)
    if remaining != state:
        load(connection.name, [], remaining)


def touched(connections: Iterable[Connection], tables: Collection[str]) -> list[Connection]:
    """The connections that load any of these raw tables."""
    return [c for c in connections if {c.table_name(stream) for stream in c.streams} & set(tables)]


def reingest(
    tables: Collection[str],
    connections: Sequence[Connection],
    sync: Callable[[Connection], SyncReport],
    sources: Sequence[Source] = (),
) -> Reingested:
    """Load what is to be read of these raw tables' sources; a failing one doesn't stop the others.

    The sources are asked as in every load, so their other tables get what is new too. Of
    `sources`, the configured ones, every table is read from its beginning and merged.
    """
    from ingestion.airbyte.backend import BackendUnavailableError
    from ingestion.airbyte.connection import ConnectionFileError
    from ingestion.airbyte.environments import ConnectorMissingError
    from ingestion.airbyte.sync import SyncError
    from ingestion.books.source import load_books
    from ingestion.loading import LoadError
    from ingestion.sources.building import Reading
    from ingestion.sources.loading import load_configured

    log = logging.getLogger(__name__)
    done = Reingested()
    if {table.table_name for table in raw_tables(_BOOKS)} & set(tables):
        try:
            report = load_books(log.info)
            done.rows |= {name: t.rows_loaded for name, t in report.load.tables.items()}
            done.quarantined = dict(report.quarantined)
        except (LoadError, OSError) as error:
            done.failures.append(f"books: {error}")
    for connection in connections:
        try:
            synced = sync(connection)
        except (BackendUnavailableError, ConnectionFileError, ConnectorMissingError) as error:
            done.failures.append(str(error))
            continue
        except SyncError as error:
            done.failures.append(str(error))
            synced = error.report
        done.rows |= {stream.table_name: stream.rows_loaded or 0 for stream in synced.streams}
    configured = load_configured(sources, log.info, Reading.AGAIN)
    done.rows |= configured.rows
    done.failures += [f"{name}: {reason}" for name, reason in configured.failed.items()]
    return done
