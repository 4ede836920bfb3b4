"""Reads a source, using what its connector said earlier where that is enough.

It is enough for rows that the warehouse already has a place for. If that isn't certain, the
connector is asked before anything is committed: for a column or key that only the source names, a
record that doesn't fit, a stream without any records, or a read that fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingestion.airbyte.connection import Connection
from ingestion.airbyte.protocol import Connector, ConnectorError
from ingestion.airbyte.reading import Reading
from ingestion.airbyte.remembered import Memory
from ingestion.airbyte.state import StateLog
from ingestion.airbyte.targets import Target, build_targets


@dataclass(frozen=True)
class Asked:
    """The streams that `discover` found, and when it was started."""

    streams: tuple[dict[str, Any], ...]
    at: datetime


@dataclass(frozen=True)
class Found:
    """What was read, and what went wrong, one line each.

    `unavailable` are streams that the source doesn't offer; if it offers none, there is no
    `reading`. `asked` is the connector's latest answer, if it was asked meanwhile.
    """

    reading: Reading | None
    failures: tuple[str, ...] = ()
    unavailable: dict[str, str] = field(default_factory=dict)
    asked: Asked | None = None


class Source:
    """A connection's source.

    `present` are the columns of each stream's table in the warehouse, and `known` says for which
    field each was made.
    """

    def __init__(  # noqa: PLR0913 - what a run gives, once
        self,
        connection: Connection,
        connector: Connector,
        memory: Memory,
        *,
        present: Mapping[str, dict[str, str]],
        known: Mapping[str, Mapping[str, str]],
        states: Callable[[], StateLog],
        anew: bool,
        logger: logging.Logger,
    ) -> None:
        self._connection = connection
        self._connector = connector
        self._memory = memory
        self._present, self._fields = present, known
        self._states = states
        self._anew = anew
        self._log = logger

    def read(self, *, ask: bool) -> Found:
        """Read each stream until it ends or fails; `ask` uses what the connector says now.

        Raises ConnectorError if the connector can't say what the source has.
        """
        known = None if ask else self._known()
        if known is None:
            return self._read_as_asked(self._ask(self._connector.discover))
        self._log.info("%s: known already, reading %s", self._connection.name, ", ".join(known))
        reading = self._reading(known)
        failures = tuple(reading.run())
        surprise = self._surprise(reading)
        if not failures and not surprise:
            return Found(reading)
        self._memory.drop()
        why = surprise or "its read failed"
        self._log.info("%s: %s; its connector is asked again", self._connection.name, why)
        try:
            if failures or reading.unheard:
                asked = self._ask(self._connector.discover)
            else:
                asked = self._ask(self._connector.discover_again)
        except ConnectorError as error:
            if surprise or set(reading.outcomes().values()) <= {"discarded"}:
                raise
            return Found(reading, (str(error), *failures))
        if self._targets(asked.streams) == (known, {}):
            return Found(reading, failures, asked=asked)
        self._log.warning(
            "%s: its source has other streams, columns or keys than before; it is read again",
            self._connection.name,
        )
        reading.discard()
        return self._read_as_asked(asked)

    def _known(self) -> dict[str, Target] | None:
        """The targets according to earlier answers; None if those aren't enough for all streams."""
        streams = self._memory.recall()
        if streams is None:
            return None
        targets, unavailable = self._targets(streams)
        if unavailable or not all(self._present.get(name) for name in targets):
            return None
        return targets

    def _read_as_asked(self, asked: Asked) -> Found:
        targets, unavailable = self._targets(asked.streams)
        if not targets:
            return Found(None, unavailable=unavailable)
        self._log.info("%s: connected, reading %s", self._connection.name, ", ".join(targets))
        reading = self._reading(targets, unavailable)
        return Found(reading, tuple(reading.run()), unavailable, asked)

    def _targets(
        self, streams: Sequence[dict[str, Any]]
    ) -> tuple[dict[str, Target], dict[str, str]]:
        return build_targets(self._connection, streams, self._present, self._fields)

    def _reading(
        self, targets: dict[str, Target], unavailable: Mapping[str, str] | None = None
    ) -> Reading:
        states = self._states()
        states.absent |= set(unavailable or ())
        return Reading(
            self._connector,
            targets,
            states,
            resumable=self._connection.connector.resumable and not self._anew,
            logger=self._log,
        )

    def _surprise(self, reading: Reading) -> str | None:
        """Why the connector's current answer may differ from what was read; None if it can't."""
        for name in reading.unheard:
            return f"nothing came of stream {name}"
        for name, writer in reading.writers.items():
            if not writer.seen:
                continue
            table = self._connection.table_name(name)
            new = [column for column in writer.columns if column not in self._present[name]]
            if new:
                return f"{table} has no column {', '.join(new)} yet"
            if writer.bad:
                return f"records don't fit {table}"
            if not self._connection.raw_table(name).primary_key:
                return f"{table} has new rows, whose key only its source can tell"
        return None

    @staticmethod
    def _ask(discover: Callable[[], tuple[dict[str, Any], ...]]) -> Asked:
        at = datetime.now(UTC)
        return Asked(discover(), at)
