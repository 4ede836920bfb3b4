"""A read in progress: where each stream's records are, and how the stream ended."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Literal

from ingestion.airbyte.messages import Estimate, Message, Record, State, StreamStatus
from ingestion.airbyte.protocol import Connector, ConnectorError
from ingestion.airbyte.records import BUFFER_BYTES, RecordWriter, TooManyBadRecordsError
from ingestion.airbyte.state import StateLog
from ingestion.airbyte.targets import Target
from stack.errors import reason
from stack.outage import is_interruption

PROGRESS_SECONDS = 5.0
PROGRESS_ROWS = 1000

Outcome = Literal["complete", "checkpoint", "discarded"]


class Reading:
    """Reads the streams of `targets`, each into its own `RecordWriter`.

    `resumable` means that the connector continues correctly from a STATE in the middle of a stream;
    otherwise a stream that breaks off is discarded.
    """

    def __init__(
        self,
        connector: Connector,
        targets: dict[str, Target],
        states: StateLog,
        *,
        resumable: bool,
        logger: logging.Logger,
    ) -> None:
        self.connector = connector
        self.targets = targets
        self.states = states
        self.bytes_read = dict.fromkeys(targets, 0)
        self.seconds = dict.fromkeys(targets, 0.0)
        self._counted: dict[str, int | None] = dict.fromkeys(targets, 0)
        self.writers = {
            name: RecordWriter(
                name,
                self._folder_of(target),
                columns={c.name: c.type for c in target.table.columns},
                fields=target.fields,
                later_types=target.later_types,
                primary_key=target.table.primary_key,
                known=target.known,
            )
            for name, target in targets.items()
        }
        self._resumable = resumable
        self._log = logger
        self._failed = False
        self._started: set[str] = set()
        self._incomplete: set[str] = set()
        self._complete: set[str] = set()
        self._with_state: set[str] = set()
        self._unfit: dict[str, str] = {}
        self._expected: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._told = time.monotonic()

    def run(self) -> list[str]:
        """Read to the end; return what went wrong, one line each."""
        catalog = [target.configured for target in self.targets.values()]
        failures = []
        try:
            with closing(self.connector.read(catalog, self.states.to_send())) as messages:
                for message in messages:
                    self._take(message)
        except ConnectorError as error:
            self._failed = True
            failures.append(str(error))
        else:
            failures += self._unfinished()
        for name in self.writers:
            self._flush(name)
            self._end(name)
        return failures + list(self._unfit.values())

    def _unfinished(self) -> list[str]:
        """Streams that the connector started but didn't complete, although it ended well."""
        names = sorted((self._started | self._incomplete) - self._complete)
        self._failed = bool(names)
        return [f"{self.connector.name} read: stream {name} was left incomplete" for name in names]

    @property
    def unheard(self) -> list[str]:
        """Streams without records that were read whole, or weren't reported as complete."""
        return [
            name
            for name, writer in self.writers.items()
            if not writer.seen and not (name in self._complete and self.targets[name].incremental)
        ]

    def discard(self) -> None:
        """Remove what was read, which can't be committed any more."""
        for target in self.targets.values():
            shutil.rmtree(self._folder_of(target), ignore_errors=True)

    def _folder_of(self, target: Target) -> Path:
        return self.connector.folder / target.table.table_name

    def outcomes(self) -> dict[str, Outcome]:
        """What may be committed of each stream, after `run`."""
        outcomes = {name: self._outcome(name) for name in self.targets}
        together = {n for n, t in self.targets.items() if t.incremental}
        if self.states.covers_all and any(outcomes[n] == "discarded" for n in together):
            # A state shared by all streams advances with all of them, or not at all.
            outcomes |= dict.fromkeys(together, "discarded")
        return outcomes

    def _outcome(self, name: str) -> Outcome:
        if name in self._unfit:
            return "discarded"
        if not self._failed:
            return "complete"
        shared = self.targets[name].incremental and self.states.covers_all
        if name in self._complete and not shared:
            return "complete"
        resumable = self._resumable and self.targets[name].incremental
        return "checkpoint" if resumable and name in self._with_state else "discarded"

    def _take(self, message: Message) -> None:
        if isinstance(message, Record):
            self._take_record(message)
        elif isinstance(message, State):
            covered = self.states.take(message)
            for name, writer in self.writers.items():
                if covered is None or name in covered:
                    self._count(name, None if covered is None else message.records)
                    writer.mark()
                    self._with_state.add(name)
        elif isinstance(message, StreamStatus):
            self._take_status(message)
        elif isinstance(message, Estimate) and message.stream and message.rows:
            self._expected[message.stream] = message.rows

    def _count(self, name: str, records: int | None) -> None:
        """Add the connector's count since its last STATE, if it always counts."""
        before = self._counted[name]
        self._counted[name] = None if records is None or before is None else before + records

    def records(self, name: str, *, covered_only: bool) -> int:
        """The number of records of a stream, or of those that a STATE covers.

        Uses the connector's own count as far as it goes; else counts the records read from its
        output, before any is converted.
        """
        writer, counted = self.writers[name], self._counted[name]
        covered = writer.covered if counted is None else counted
        return covered if covered_only else covered + writer.seen - writer.covered

    def _take_record(self, record: Record) -> None:
        name = record.stream
        writer = self.writers.get(name)
        if writer is None:
            raise ConnectorError(
                f"{self.connector.name} read: a record of stream {name}, which was not asked "
                f"for; expected {', '.join(self.writers)}"
            )
        if name in self._unfit:
            return
        self._began.setdefault(name, time.monotonic())
        self.bytes_read[name] += record.size
        if record.problem:
            self._flush(name)
            self._guarded(name, lambda: writer.add_bad(record.data, record.problem))
        else:
            writer.add(record.data, record.size)
        if writer.is_full:
            self._flush(name)
        if writer.seen % PROGRESS_ROWS == 0:
            self._show_progress(name)
            buffered = {n: w.buffered_bytes for n, w in self.writers.items()}
            if sum(buffered.values()) > BUFFER_BYTES:
                self._flush(max(buffered, key=lambda n: buffered[n]))

    def _take_status(self, message: StreamStatus) -> None:
        name = message.stream
        if name not in self.writers:
            return
        if message.status == "INCOMPLETE":
            self._incomplete.add(name)
        elif message.status == "STARTED":
            self._started.add(name)
            self._began.setdefault(name, time.monotonic())
        elif message.status == "COMPLETE":
            self._complete.add(name)
            self._end(name)
            table = self.targets[name].table.table_name
            self._log.info("%s: %s rows read", table, f"{self.writers[name].seen:,}")

    def _flush(self, name: str) -> None:
        self._guarded(name, self.writers[name].flush)

    def _guarded(self, name: str, write: Callable[[], None]) -> None:
        """Write; an error with one stream's records doesn't affect the others."""
        table = self.targets[name].table.table_name
        try:
            write()
        except TooManyBadRecordsError as error:
            self._unfit[name] = f"{table}: {error}"
        except Exception as error:
            if is_interruption(error):
                raise
            self._log.exception("%s can't be written", table)
            self._unfit[name] = f"{table}: {type(error).__name__}: {reason(error)}"

    def _end(self, name: str) -> None:
        if name in self._began:
            self.seconds[name] += time.monotonic() - self._began.pop(name)

    def _show_progress(self, name: str) -> None:
        now = time.monotonic()
        if now - self._told < PROGRESS_SECONDS:
            return
        self._told = now
        expected = self._expected.get(name)
        of = f" of about {expected:,}" if expected else ""
        table = self.targets[name].table.table_name
        self._log.info("%s: %s%s rows read", table, f"{self.writers[name].seen:,}", of)
