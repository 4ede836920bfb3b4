"""What a load did: the one shape that every loader writes, and everything after it reads.

The artifact `load/<loader>.json` of a run is a `LoadReport`. Quality, catalog, remediation and
the summary read it with the same class.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stack.artifacts import ArtifactStore
from stack.raw import RawTable

FOLDER = "load"


class Outcome(StrEnum):
    """What became of one input."""

    LOADED = "loaded"
    PARTLY = "partly"  # it broke off, and what it had delivered safely is in the table
    AGAIN = "again"  # its table has this content already
    SET_ASIDE = "set_aside"  # it can't be loaded, and waits in the quarantine
    LEFT = "left"  # gone, or still being written: a later load takes it
    FAILED = "failed"  # the fault is not the input's: a later load tries again


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SetAside(_Model):
    """Records of an input that are not in its table, and why.

    `records` is None for a whole input that could not be read, `where` the URL of what is kept,
    `entry` its id in the quarantine; without one nobody has to do anything about it.
    """

    reason: str
    records: int | None = None
    where: str = ""
    entry: str = ""


class InputReport(_Model):
    """One file, stream or endpoint.

    `records` counts what it holds, by another count than the load's own; None where nobody can
    tell. `loaded` went into the table, `merged_away` lost against a later version of the same row
    within the load. `breaks` says what in it doesn't add up, such as the balances of a statement.
    `state` is where the next load goes on, as text without secrets.
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
        """Records that are neither loaded, merged away nor set aside; below 0: too many."""
        if self.records is None or self.outcome not in (Outcome.LOADED, Outcome.PARTLY):
            return 0
        aside = sum(part.records or 0 for part in self.set_aside)
        return self.records - self.loaded - self.merged_away - aside


class ColumnAdded(_Model):
    """A column that a table got because an input has it."""

    name: str
    type: str
    input: str = ""


class ColumnWidened(_Model):
    """A column whose type has room for more from now on, in DuckDB's upper case."""

    name: str
    before: str
    after: str


class TableReport(_Model):
    """One raw table: its declaration, rows before and after the load, and how rows were put in.

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

    @property
    def missing(self) -> int:
        """Rows that went in and are not there afterwards; below 0: more than went in."""
        if self.rows_before is None or self.rows_total is None:
            return 0
        went_in = self.rows_loaded + self.rows_removed
        if self.disposition == "append":
            return self.rows_before + went_in - self.rows_total
        if self.disposition == "replace":
            return went_in - self.rows_total
        if self.disposition == "merge":  # rows that were there are replaced: a range is known
            most = self.rows_before + went_in
            return max(0, self.rows_before - self.rows_total) or min(0, most - self.rows_total)
        return 0


class Failure(_Model):
    """Why an input, or a whole source, could not be loaded this time."""

    source: str
    reason: str


class LoadReport(_Model):
    """What one loader did in one run.

    `asset` is the Dagster asset that ran it. `inputs` are those that the run looked at; one loaded
    before and unchanged is only counted, in `unchanged`. `tables` are all of the loader's, by name,
    such as `books_invoices`: those that got nothing, too.
    """

    loader: str
    asset: str
    inputs: tuple[InputReport, ...] = ()
    tables: dict[str, TableReport] = Field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0
    seconds: float = 0.0

    @property
    def rows_loaded(self) -> int:
        """Rows that went into all tables."""
        return sum(table.rows_loaded for table in self.tables.values())

    def of_table(self, table: str) -> tuple[InputReport, ...]:
        """Inputs of one table."""
        return tuple(found for found in self.inputs if found.table == table)

    def set_aside(self) -> Iterator[tuple[InputReport, SetAside]]:
        """Whatever was set aside, with its input."""
        for found in self.inputs:
            for part in found.set_aside:
                yield found, part

    def unaccounted(self) -> dict[str, int]:
        """Inputs and tables whose records do not add up, with how many are missing."""
        of_inputs = {f"{found.name}": found.missing for found in self.inputs}
        of_tables = {name: table.missing for name, table in self.tables.items()}
        return {name: n for name, n in (of_inputs | of_tables).items() if n}


def write_report(store: ArtifactStore, run_id: str, report: LoadReport) -> str:
    """Keep a report for the stages after; return its URL."""
    content = report.model_dump_json(indent=2).encode()
    return store.put(run_id, f"{FOLDER}/{report.loader}.json", content)


def read_report(store: ArtifactStore, loader: str, run_id: str | None = None) -> LoadReport | None:
    """The report of a loader from a run, or its latest; None if there is none."""
    return store.get_model(f"{FOLDER}/{loader}.json", LoadReport, run_id)


def read_reports(store: ArtifactStore, run_id: str | None = None) -> dict[str, LoadReport]:
    """The report of each loader, by its name, from a run or the latest of each."""
    return {
        report.loader: report
        for name in store.names(FOLDER, run_id)
        if (report := store.get_model(name, LoadReport, run_id)) is not None
    }
