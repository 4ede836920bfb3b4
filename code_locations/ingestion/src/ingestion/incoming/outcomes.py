"""Notes what becomes of each file of a load, for its report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ingestion.files.errors import UnreadableFileError
from ingestion.files.listing import Export
from ingestion.incoming.inbox import ASSET, SOURCE
from ingestion.incoming.reading import Read
from ingestion.loading import Loaded
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Quarantine
from stack.errors import one_line
from stack.load_report import Failure, InputReport, LoadReport, Outcome, SetAside, TableReport
from stack.outage import is_passing
from stack.raw import RawTable

T = TypeVar("T")
_SHOWN = 20


@dataclass
class Outcomes:
    """Inputs and rows set aside by path, and `refused` files with the reason.

    `again`: they are processed files.
    """

    log: logging.Logger
    quarantine: Quarantine
    again: bool = False
    inputs: dict[str, InputReport] = field(default_factory=dict)
    refused: list[tuple[Export, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    loaded: dict[str, TableReport] = field(default_factory=dict)
    aside: dict[str, list[SetAside]] = field(default_factory=dict)

    def attempt(self, file: Export, read: Callable[[], T], table: str = "") -> T | None:
        """What `read` returns; None if the file can't be read, which is noted.

        Raises what ends the load: an outage, or a lack of disk or memory.
        """
        try:
            return read()
        except UnreadableFileError as error:
            self.refused.append((file, str(error)))
        except FileNotFoundError:
            self.note(file.path, Outcome.LEFT, "it is gone")
        except Exception as error:
            if _ends_the_run(error):
                raise
            self.fail(file.path, _why_unread(error), table)
        return None

    def note(self, path: str, outcome: Outcome, reason: str, table: str = "") -> None:
        """Note why a file isn't loaded."""
        self.log.info(f"{path}: {outcome.replace('_', ' ')}: {reason}")
        self.inputs[path] = InputReport(name=path, table=table, outcome=outcome, reason=reason)

    def fail(self, path: str, reason: str, table: str = "") -> None:
        """Note the failure; the file stays where it is for a later run."""
        self.note(path, Outcome.FAILED, reason, table)
        self.failures.append(Failure(source=path, reason=f"{reason}; it stays for a later run"))

    def count(self, reads: Iterable[Read], done: Loaded) -> None:
        """Note that files are loaded."""
        self.loaded |= done.tables
        for read in reads:
            kept = done.rows_by_file.get(read.parquet, read.parsed.rows)
            path = read.fetched.file.path
            self.inputs[path] = read.input(kept, self.aside[path])

    def keep_rows(self, read: Read) -> None:
        """Keep the rows that can't be loaded, except those on which nobody has to act."""
        found = [row for row in read.parsed.aside if row.expected]
        told = [SetAside(reason=row.reason, records=1) for row in found[:_SHOWN]]
        if len(found) > _SHOWN:
            told.append(SetAside(reason="and others alike", records=len(found) - _SHOWN))
        rows = [row for row in read.parsed.aside if not row.expected]
        if rows:
            more = f"; and {len(rows) - 1:,} more" if len(rows) > 1 else ""
            records = read.fetched.staged.records
            above = records.preamble if records and read.fetched.rules.preamble else ()
            file = {"header": read.parsed.headers, "above": above}
            entry = self.quarantine.keep_records(
                SOURCE,
                read.fetched.file.path,
                read.fetched.table,
                f"{rows[0].reason}{more}",
                (
                    {"line": row.line, "reason": row.reason, **file, "cells": row.cells}
                    for row in rows
                ),
                again=self.again,
            )
            told.append(entry.told())
        self.aside[read.fetched.file.path] = told

    def report(self, tables: Iterable[RawTable]) -> LoadReport:
        """The report of a load into these tables."""
        return LoadReport(
            loader=SOURCE,
            asset=ASSET,
            inputs=tuple(self.inputs.values()),
            tables=with_all_tables(tables, self.loaded),
            failures=tuple(self.failures),
        )


def _ends_the_run(error: Exception) -> bool:
    """Whether an error is not of the file being read: an outage, or a lack of disk or memory."""
    full = "No space left on device" in str(error)
    return is_passing(error) or full or isinstance(error, MemoryError)


def _why_unread(error: Exception) -> str:
    """The reason given for a file that stays in the inbox."""
    import duckdb

    if isinstance(error, OSError | duckdb.Error):
        return f"it can't be read now: {one_line(str(error), 200)}"
    return f"the reader has a fault: {type(error).__name__}: {one_line(str(error), 200)}"
