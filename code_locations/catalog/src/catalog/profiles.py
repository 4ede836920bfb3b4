"""Profiles of tables: rows and, per column, nulls, distinct values and range; reused while valid.

Contents are read again only if the version of the table, or of any table below a view, has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from catalog.inventory import ColumnFacts, TableFacts
from catalog.kept import Kept, code
from stack.digests import digest
from stack.outage import is_passing
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import row_count
from stack.warehouse.contents import Contents

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The columns whose lowest and highest values are shown.
Values = Literal["none", "numbers_and_dates", "all"]
# A table with up to this many cells is read whole, in less than a second of one core. A larger
# table is sampled; of a larger view only the rows are counted.
MOST_CELLS = 100_000_000
# Distinct values are counted in tables with up to this many cells, and samples have as many.
FEW_CELLS = 2_000_000
LONGEST_VALUE = 100
_RANGES = re.compile(
    r"(BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UINTEGER|FLOAT|DOUBLE|DECIMAL.*|DATE|TIME.*)$"
)
_TEXT = re.compile(r"(VARCHAR|UUID|ENUM.*)$")


class FieldProfile(Kept):
    """A column of what was read: nulls, distinct values, lowest and highest; None: not measured."""

    name: str
    nulls: int
    distinct: int | None = None
    lowest: str | None = None
    highest: str | None = None


class Profile(Kept):
    """A table's content as read `at` that time; `fingerprint` is None if it has no known version.

    `fields` cover all rows, or a sample of `sampled` rows; a large view has none.
    """

    at: datetime
    fingerprint: str | None
    rows: int
    sampled: int | None = None
    fields: tuple[FieldProfile, ...] = ()

    @property
    def read(self) -> int:
        """Rows that the fields cover."""
        return self.rows if self.sampled is None else self.sampled


class Profiles(Kept):
    """The profiles of all tables, by `schema.table`."""

    profiles: dict[str, Profile] = Field(default_factory=dict)


@dataclass(frozen=True)
class Profiler:
    """Profiles tables at one moment; `kept` are the profiles of an earlier one."""

    connection: DuckDBPyConnection
    settings: WarehouseSettings
    values: Values
    at: datetime
    kept: Mapping[str, Profile] = field(default_factory=dict)
    most_cells: int = MOST_CELLS

    def profiles(self, tables: Iterable[TableFacts]) -> Profiles:
        """The profile of each table; none of a view that no longer runs."""
        tables = tuple(tables)
        contents = Contents.now(self.connection, self.settings, [t.key for t in tables])
        found = {}
        for table in tables:
            name, content = ".".join(table.key), contents.told(table.key)
            fingerprint = content and digest(content, self.values, code("profiles"))
            profile = self.kept.get(name)
            if profile is None or fingerprint is None or profile.fingerprint != fingerprint:
                profile = self._anew(table, fingerprint, profile)
            if profile is not None:
                found[name] = profile
        return Profiles(profiles=found)

    def _anew(
        self, table: TableFacts, fingerprint: str | None, before: Profile | None
    ) -> Profile | None:
        """Read it again; a table without a version keeps its old profile if nothing has changed."""
        import duckdb

        try:
            found = self._measured(table, fingerprint)
        except duckdb.Error as error:
            if is_passing(error):
                raise
            return None
        is_same = before is not None and before.model_copy(update={"at": self.at}) == found
        return before if is_same else found

    def _measured(self, table: TableFacts, fingerprint: str | None) -> Profile:
        rows = row_count(self.connection, *table.key)
        profile = Profile(at=self.at, fingerprint=fingerprint, rows=rows)
        cells = rows * len(table.columns)
        if cells <= self.most_cells:
            _, fields = self._read(table, "", counts_distinct=cells <= FEW_CELLS)
            return profile.model_copy(update={"fields": fields})
        if table.kind == "view":
            return profile
        percent = 100 * min(self.most_cells, FEW_CELLS) / cells
        sampled, fields = self._read(table, f"tablesample system ({percent:.6f} percent)")
        return profile.model_copy(update={"sampled": sampled, "fields": fields})

    def _read(
        self, table: TableFacts, sample: str, *, counts_distinct: bool = False
    ) -> tuple[int, tuple[FieldProfile, ...]]:
        """The number of rows read, and the fields; no fields if a sample has no rows."""
        wanted = [_measures(c, self.values, distinct=counts_distinct) for c in table.columns]
        asked = ", ".join(["count(*)", *(measure for measures in wanted for measure in measures)])
        [values] = self.connection.execute(
            f"select {asked} from {identifier(table.schema)}.{identifier(table.name)} {sample}"
        ).fetchall()
        rows = int(values[0])
        fields = []
        for index, column in enumerate(table.columns):
            there, distinct, lowest, highest = values[1 + 4 * index : 5 + 4 * index]
            fields.append(
                FieldProfile(
                    name=column.name,
                    nulls=rows - there,
                    distinct=distinct,
                    lowest=lowest,
                    highest=highest,
                )
            )
        return rows, tuple(fields) if rows or not sample else ()


def _measures(column: ColumnFacts, values: Values, *, distinct: bool) -> tuple[str, ...]:
    """SQL of a column's four measures; null for those not wanted, or meaningless."""
    name = identifier(column.name)
    ranges, text = _RANGES.match(column.type), _TEXT.match(column.type)
    differing = f"count(distinct {name})" if distinct and (ranges or text) else "null"
    if not (ranges and values != "none") and not (text and values == "all"):
        return f"count({name})", differing, "null", "null"
    lowest, highest = (f"left({f}({name})::varchar, {LONGEST_VALUE})" for f in ("min", "max"))
    return f"count({name})", differing, lowest, highest


def with_profiles(tables: Iterable[TableFacts], found: Profiles) -> tuple[TableFacts, ...]:
    """The tables with their numbers of rows."""
    rows = {name: profile.rows for name, profile in found.profiles.items()}
    return tuple(replace(table, rows=rows.get(".".join(table.key))) for table in tables)
