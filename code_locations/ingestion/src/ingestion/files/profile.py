"""What a file is and what would become of it, as a person reads it before trusting the load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.conform import Destination
from ingestion.files.reading import Parsed, parse
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules
from stack.raw import RawTable
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN_ROWS = 20


@dataclass(frozen=True)
class ColumnProfile:
    """A column: its header, what it becomes and why, and the facts to compare with what one knows.

    `total` of numbers; `first` and `last` of days, times, numbers; `empty` and `different` count.
    """

    header: str
    name: str
    type: str
    reason: str
    empty: int
    different: int
    first: str | None
    last: str | None
    total: str | None


@dataclass(frozen=True)
class Profile:
    """A file: how it is read, its rows, its columns, and the rows that don't fit."""

    read_as: Mapping[str, Any]
    records: int
    rows: int
    columns: tuple[ColumnProfile, ...]
    aside: tuple[str, ...]
    breaks: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """For people."""
        for step, found in self.read_as.items():
            yield f"{step}: {found}"
        yield f"rows: {self.rows:,} of {self.records:,}"
        for column in self.columns:
            header = "" if column.header == column.name else f" ({column.header!r})"
            facts = [f"{column.different:,} different"]
            facts += [f"{column.empty:,} empty"] if column.empty else []
            facts += [f"{column.first} to {column.last}"] if column.first is not None else []
            facts += [f"sum {column.total}"] if column.total is not None else []
            type_ = f"{column.type.lower()}, {column.reason}"
            yield f"  {column.name}{header}: {type_}; {', '.join(facts)}"
        yield from (f"not loaded: {reason}" for reason in self.aside[:_SHOWN_ROWS])
        if len(self.aside) > _SHOWN_ROWS:
            yield f"not loaded: {len(self.aside) - _SHOWN_ROWS:,} more rows"
        yield from (f"doesn't add up: {told}" for told in self.breaks)


def profile(
    connection: DuckDBPyConnection, file: Path, rules: ReadingRules = NOTHING_DECLARED
) -> Profile:
    """Read a file as a load would, for a table that isn't there yet. Raises UnreadableFileError."""
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        link = Path(folder) / "file"
        link.symlink_to(file.absolute())
        table = RawTable(source="files", name="profile")
        parsed = parse(connection, link, Destination(table, {}, Path(folder) / "out", rules=rules))
        return Profile(
            read_as=parsed.evidence,
            records=parsed.records or 0,
            rows=parsed.rows,
            columns=tuple(_columns(connection, parsed)),
            aside=tuple(row.reason for row in parsed.aside),
            breaks=parsed.breaks,
        )


def _columns(connection: DuckDBPyConnection, parsed: Parsed) -> Iterator[ColumnProfile]:
    told = {column.name: column for column in parsed.columns}
    for name, type_ in parsed.new_columns.items():
        column = identifier(name)
        ordered = type_ == "BIGINT" or type_.startswith(("DECIMAL", "DATE", "TIME", "DOUBLE"))
        summed = type_ == "BIGINT" or type_.startswith(("DECIMAL", "DOUBLE"))
        facts = connection.execute(
            f"select count(*) - count({column}), count(distinct {column}), "
            f"{f'min({column})::varchar' if ordered else 'null'}, "
            f"{f'max({column})::varchar' if ordered else 'null'}, "
            f"{f'sum({column})::varchar' if summed else 'null'} "
            f"from read_parquet({literal(parsed.path)})"
        ).fetchone() or (0, 0, None, None, None)
        known = told.get(name)
        header, reason = (known.header, known.reason) if known else (name, "as Parquet has it")
        yield ColumnProfile(header, name, type_, reason, *facts)
