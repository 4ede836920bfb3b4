"""Small data frames for Great Expectations, selected by DuckDB from tables of any size.

A table of up to FULL_FRAME_ROWS rows is judged whole. For a larger one Great Expectations gets only
the rows that SQL can't clear of every row expectation of the suite, at most ROWS_PER_VIOLATION for
each, and SQL does the exact counting; so memory doesn't grow with the table. Rules and measures are
one number each, in a frame of one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quality.declarations import Expectation, Kind, Suite
from quality.queries import RAW, failing_rows, fill_in, table_name, violation
from stack.declarations import DeclarationError
from stack.outage import is_passing
from stack.settings import WarehouseSettings
from stack.sql import identifier, identifiers
from stack.warehouse import columns_of, count_rows

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

FULL_FRAME_ROWS = 100_000
ROWS_PER_VIOLATION = 1_000
SAMPLE_ROWS = 10


@dataclass
class Frames:
    """What Great Expectations judges for one suite, and what SQL has already found."""

    row_count: int
    rows: pd.DataFrame | None = None
    measures: pd.DataFrame | None = None
    # Exact number of rows that break an expectation, where SQL counted them.
    violations: dict[str, int] = field(default_factory=dict)
    # The number that a rule or measure returned, by the expectation's name.
    values: dict[str, float | None] = field(default_factory=dict)
    # Why expectations can't be judged, and what to do, by name.
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def sieved(self) -> bool:
        """Whether `rows` holds only what SQL couldn't clear."""
        return self.row_count > FULL_FRAME_ROWS

    @property
    def notes(self) -> str:
        """A note in the Data Docs of a sieved frame that explains what it contains."""
        if self.rows is None or not self.sieved:
            return ""
        return f"Of {self.row_count:,} rows, the {len(self.rows):,} that SQL could not clear."


def cut_frames(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    suite: Suite,
    expectations: Sequence[Expectation],
) -> Frames:
    """Frames for these expectations of a suite; what goes wrong is in `errors`.

    Except for an outage of the warehouse, which is raised: it says nothing about the tables.
    """
    raw_schema = settings.dlt_dataset_name
    schema = raw_schema if suite.schema == RAW else suite.schema
    types = columns_of(connection, settings, schema, suite.table)
    if not types:
        missing = (
            f"suite {suite.name}: no table {settings.database}.{schema}.{suite.table} in the "
            "warehouse; run the asset that makes it, or correct the name of the suite's file"
        )
        return Frames(0, errors=dict.fromkeys((e.name for e in expectations), missing))
    relation = table_name(suite.schema, suite.table, raw_schema)
    frames = Frames(count_rows(connection, relation))
    cutter = _Cutter(connection, suite, raw_schema, relation, types, frames)
    cutter.rows([e for e in expectations if e.kind is Kind.ROWS])
    cutter.measures([e for e in expectations if e.kind is not Kind.ROWS])
    return frames


def sample(
    connection: DuckDBPyConnection, expectation: Expectation, suite: Suite, raw_schema: str
) -> list[dict[str, Any]]:
    """Up to SAMPLE_ROWS rows that break an expectation, with key and judged columns only."""
    query = failing_rows(expectation, suite, raw_schema)
    result = connection.execute(f"select * from ({query}) limit {SAMPLE_ROWS}")
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@dataclass(frozen=True)
class _Cutter:
    """Fills the frames of one suite."""

    connection: DuckDBPyConnection
    suite: Suite
    raw_schema: str
    relation: str
    types: dict[str, str]
    frames: Frames

    def rows(self, expectations: Sequence[Expectation]) -> None:
        judged = [e for e in expectations if self.counted(e)]
        if judged:
            self.frames.rows = self.connection.execute(self.query(judged)).df()

    def counted(self, expectation: Expectation) -> bool:
        """Count the rows that break it; return False, recording an error, if that fails."""
        import duckdb

        where, frames = f"suite {self.suite.name}: {expectation.name}", self.frames
        if missing := [c for c in expectation.columns if c not in self.types]:
            frames.errors[expectation.name] = (
                f"{where} names column {missing[0]}, but the table has {', '.join(self.types)}; "
                "correct the suite"
            )
            return False
        try:
            condition = violation(expectation, self.relation)
            frames.violations[expectation.name] = count_rows(
                self.connection, f"{self.relation} where {condition}"
            )
        except DeclarationError as error:
            frames.errors[expectation.name] = str(error)
            return False
        except duckdb.Error as error:
            if is_passing(error):
                raise
            frames.errors[expectation.name] = _sql_error(where, error)
            return False
        return True

    def query(self, judged: Sequence[Expectation]) -> str:
        """The needed columns of the whole table, or of the rows that break something."""
        columns = dict.fromkeys(column for e in judged for column in e.columns)
        shown = ", ".join(f"{_plain(c, self.types[c])} as {identifier(c)}" for c in columns)
        if not self.frames.sieved:
            return f"select {shown} from {self.relation}"
        broken = [e for e in judged if self.frames.violations[e.name]]
        if not broken:
            return f"select {shown} from {self.relation} limit 0"
        flags = {f"broken_{i}": e for i, e in enumerate(broken)}
        flagged = ", ".join(
            f"coalesce({violation(e, self.relation)}, false) as {f}" for f, e in flags.items()
        )
        # Ordered by the expectation's own columns, to keep duplicates together.
        kept = " or ".join(
            f"({flag} and row_number() over (partition by {flag} order by "
            f"{identifiers(e.columns)}) <= {ROWS_PER_VIOLATION})"
            for flag, e in flags.items()
        )
        return (
            f"select {shown} from (select *, {flagged} from {self.relation}) "
            f"where {' or '.join(flags)} qualify {kept}"
        )

    def measures(self, expectations: Sequence[Expectation]) -> None:
        import duckdb
        import pandas as pd

        values: dict[str, float | None] = {}
        for expectation in expectations:
            try:
                value = self.measured(expectation)
            except DeclarationError as error:
                self.frames.errors[expectation.name] = str(error)
            except duckdb.Error as error:
                if is_passing(error):
                    raise
                where = f"suite {self.suite.name}: {expectation.name}"
                self.frames.errors[expectation.name] = _sql_error(where, error)
            else:
                values[expectation.columns[0]] = value
                self.frames.values[expectation.name] = value
        if values:
            self.frames.measures = pd.DataFrame({k: [v] for k, v in values.items()}, dtype=float)

    def measured(self, expectation: Expectation) -> float | None:
        query = fill_in(expectation.sql or "", self.suite, self.raw_schema)
        if expectation.kind is Kind.RULE:
            count = count_rows(self.connection, f"({query})")
            self.frames.violations[expectation.name] = count
            return count
        row = self.connection.execute(f"select ({query})::double").fetchone()
        return row[0] if row else None


def _plain(column: str, type_: str) -> str:
    """A column in a type that pandas compares well: times as naive UTC, money as double."""
    name = identifier(column)
    if type_ == "DATE" or type_.startswith("TIMESTAMP"):
        return f"{name}::timestamp"
    if type_.startswith("DECIMAL") or type_ == "HUGEINT":
        return f"{name}::double"
    if type_ in _PANDAS_TYPES:
        return name
    return f"{name}::varchar"


_PANDAS_TYPES = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"}


def _sql_error(where: str, error: Exception) -> str:
    return f"{where} can't be asked of the warehouse: {str(error).splitlines()[0]}"
