"""What a load did: the one shape that every loader writes and everything after it reads.

A run's artifact `load/<loader>.json` is a `LoadReport`; quality, catalog, remediation and the
summary all read it through this class.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stack.activity import ActivityLog, Change
from stack.artifacts import Artifact, ArtifactStore
from stack.raw import RawTable

FOLDER = "load"


class Outcome(StrEnum):
    """The outcome of one input."""

    LOADED = "loaded"
    PARTLY = "partly"  # it broke off; what had safely arrived by then is in the table
    AGAIN = "again"  # its table already has this content
    SET_ASIDE = "set_aside"  # it can't be loaded, and waits in the quarantine
    LEFT = "left"  # gone, or still being written: a later load takes it
    FAILED = "failed"  # not the input's fault: a later load tries again


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SetAside(_Model):
    """Records of an input that are not in its table, and why.

    `records` is None for a whole input that couldn't be read. `where` is the URL of what is kept,
    `entry` its id in the quarantine; without an id nobody has to act on it.
    """

    reason: str
    records: int | None = None
    where: str = ""
    entry: str = ""


class InputReport(_Model):
    """One file, stream or endpoint.

    `records` is how many it holds, counted independently of the load; None where that is unknown.
    `loaded` records went into the table; `merged_away` ones lost to a later version of the same row
    within the load. `breaks` says what doesn't add up in it, such as a statement's balances.
    `state` is where the next load resumes, as text without secrets.
    """

    name: str
    table: str = ""
    outcome: Outcome = Outcome.LOADED
    records: int | None = None
    loaded: int = 0
    merged_away: int = 0
    set_aside: tuple[SetAside, ...] = ()
    reason: str = ""
    bytes: int | None = None
    seconds: float = 0.0
    state: str = ""
    breaks: tuple[str, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Records neither loaded, merged away nor set aside; negative if there are too many."""
        if self.records is None or self.outcome not in (Outcome.LOADED, Outcome.PARTLY):
            return 0
        aside = sum(part.records or 0 for part in self.set_aside)
        return self.records - self.loaded - self.merged_away - aside


class ColumnAdded(_Model):
    """A column added to a table because an input has it."""

    name: str
    type: str
    input: str = ""


class ColumnWidened(_Model):
    """A column that got a wider type, given in DuckDB's upper case."""

    name: str
    before: str
    after: str


class TableReport(_Model):
    """One raw table: its declaration, rows before and after the load, and how rows were written.

    `rows_removed` were marked in `_removed_at`: the source's newest full export lacks them.
    """

    table: RawTable
    rows_before: int | None = None
    rows_total: int | None = None
    rows_loaded: int = 0
    rows_removed: int = 0
    disposition: str = ""
    columns_added: tuple[ColumnAdded, ...] = ()
    columns_widened: tuple[ColumnWidened, ...] = ()
    seconds: float = 0.0

    def change(self, by: str, at: datetime, run_id: str) -> Change | None:
        """What the load did to the table's rows; None if nothing.

        A merge counts the rows by which the table grew as inserted, and the rest as updated.
        """
        if not self.rows_loaded and not self.rows_removed:
            return None
        inserted, updated = None, None
        if self.disposition in ("append", "replace"):
            inserted, updated = self.rows_loaded, 0
        elif self.disposition == "merge" and None not in (self.rows_before, self.rows_total):
            grown = (self.rows_total or 0) - (self.rows_before or 0)
            inserted = max(0, min(self.rows_loaded, grown))
            updated = self.rows_loaded - inserted
        return Change(
            at=at,
            run_id=run_id,
            table=".".join(self.table.asset_path),
            by=by,
            rows=self.rows_loaded + self.rows_removed,
            inserted=inserted,
            updated=updated,
            removed=self.rows_removed,
            seconds=self.seconds,
        )

    @property
    def missing(self) -> int:
        """Rows written but not there afterwards; negative if there are more than were written."""
        if self.rows_before is None or self.rows_total is None:
            return 0
        went_in = self.rows_loaded + self.rows_removed
        if self.disposition == "append":
            return self.rows_before + went_in - self.rows_total
        if self.disposition == "replace":
            return went_in - self.rows_total
        if self.disposition == "merge":  # rows that were there are replaced: only a range is known
            most = self.rows_before + went_in
            return max(0, self.rows_before - self.rows_total) or min(0, most - self.rows_total)
        return 0


class Failure(_Model):
    """Why an input, or a whole source, couldn't be loaded this time."""

    source: str
    reason: str


class LoadReport(Artifact, extra="forbid"):
    """What one loader did in one run.

    `asset` is the Dagster asset that ran it. `inputs` are those that the run looked at; unchanged
    ones that were loaded before are only counted, in `unchanged`. `tables` has all tables of the
    loader by name, such as `books_invoices`, including those that got nothing. `run_id` and `at`
    say which run wrote the report, and when.
    """

    loader: str
    asset: str
    inputs: tuple[InputReport, ...] = ()
    tables: dict[str, TableReport] = Field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    seconds: float = 0.0
    run_id: str = ""
    at: datetime | None = None

    @property
    def rows_loaded(self) -> int:
        """Rows that went into all tables."""
        return sum(table.rows_loaded for table in self.tables.values())

    @property
    def has_news(self) -> bool:
        """Whether the load changed a table, or has anything else to report."""
        changed = any(
            t.rows_loaded or t.rows_removed or t.columns_added or t.columns_widened
            for t in self.tables.values()
        )
        return changed or bool(self.failures) or any(True for _ in self.set_aside())

    def of_table(self, table: str) -> tuple[InputReport, ...]:
        """Inputs of one table."""
        return tuple(found for found in self.inputs if found.table == table)

    def changes(self) -> Iterator[Change]:
        """What the load did to each table that it changed."""
        for table in self.tables.values():
            if self.at and (change := table.change(self.asset, self.at, self.run_id)):
                yield change

    def set_aside(self) -> Iterator[tuple[InputReport, SetAside]]:
        """Everything that was set aside, each with its input."""
        for found in self.inputs:
            for part in found.set_aside:
                yield found, part

    def unaccounted(self) -> dict[str, int]:
        """Inputs and tables whose records don't add up, with how many are missing."""
        of_inputs = {f"{found.name}": found.missing for found in self.inputs}
        of_tables = {name: table.missing for name, table in self.tables.items()}
        return {name: n for name, n in (of_inputs | of_tables).items() if n}


def write_report(store: ArtifactStore, run_id: str, report: LoadReport) -> str:
    """Store a report for later stages; return its URL.

    Changes also go to the activity log, because the next report replaces this one.
    """
    report = report.model_copy(update={"run_id": run_id, "at": datetime.now(UTC)})
    url = store.put_model(run_id, f"{FOLDER}/{report.loader}.json", report)
    ActivityLog(store.url).append(report.changes())
    return url


def read_report(store: ArtifactStore, loader: str, run_id: str | None = None) -> LoadReport | None:
    """The report of a loader from a run, or its latest; None if there is none."""
    return store.get_model(f"{FOLDER}/{loader}.json", LoadReport, run_id)


def read_reports(store: ArtifactStore) -> dict[str, LoadReport]:
    """The latest report of each loader, by its name."""
    return {
        report.loader: report
        for name in store.names(FOLDER)
        if (report := store.get_model(name, LoadReport)) is not None
    }
