"""What a file is and would become, for a person to read before trusting the load."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ingestion.files.conform import Destination
from ingestion.files.reading import Parsed, finish, stage
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules
from stack.raw import RawTable
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHOWN_ROWS = 20


@dataclass(frozen=True)
class ColumnProfile:
    """A column: its header, what it becomes and why, and facts to check against what one knows.

    `total` is of numbers, `first` and `last` also of days and times; `empty`, `different` count.
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

    def line(self) -> str:
        """The column, as text for people."""
        header = "" if self.header == self.name else f" ({self.header!r})"
        facts = [f"{self.different:,} different"]
        facts += [f"{self.empty:,} empty"] if self.empty else []
        facts += [f"{self.first} to {self.last}"] if self.first is not None else []
        facts += [f"sum {self.total}"] if self.total is not None else []
        return f"  {self.name}{header}: {self.type.lower()}, {self.reason}; {', '.join(facts)}"


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
        """The profile, for machines."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The profile, as text for people."""
        yield from self.reading()
        yield from (column.line() for column in self.columns)
        yield from self.troubles()

    def reading(self) -> Iterator[str]:
        """How the file is read, and how many rows it has."""
        yield from (f"{step}: {found}" for step, found in self.read_as.items())
        yield f"rows: {self.rows:,} of {self.records:,}"

    def troubles(self) -> Iterator[str]:
        """What isn't loaded, or doesn't add up."""
        yield from (f"not loaded: {reason}" for reason in self.aside[:_SHOWN_ROWS])
        if len(self.aside) > _SHOWN_ROWS:
            yield f"not loaded: {len(self.aside) - _SHOWN_ROWS:,} more rows"
        yield from (f"doesn't add up: {told}" for told in self.breaks)


class Known(NamedTuple):
    """A known layout: its title, and how a file of it is read."""

    title: str
    rules: ReadingRules


def nothing_known(_header: Sequence[str]) -> Known | None:
    """No header is of a known layout."""
    return None


def profile(
    connection: DuckDBPyConnection,
    file: Path,
    rules: ReadingRules = NOTHING_DECLARED,
    keep: Path | None = None,
    known: Callable[[Sequence[str]], Known | None] = nothing_known,
) -> Profile:
    """Read a file as a load would for a new table; copy its rows as Parquet to `keep`.

    `known` says of a header to which layout it belongs. Raises UnreadableFileError.
    """
    with tempfile.TemporaryDirectory(prefix="profile-") as folder:
        link = Path(folder) / "file"
        link.symlink_to(file.absolute())
        table = RawTable(source="files", name="profile")
        staged = stage(link, rules, lambda header: known(header) is not None)
        layout = known(staged.records.names) if staged.records else None
        rules = layout.rules if layout else rules
        destination = Destination(table, {}, Path(folder) / "out", rules=rules)
        parsed = finish(connection, staged, destination)
        found = Profile(
            read_as={**parsed.evidence, **({"layout": layout.title} if layout else {})},
            records=parsed.records or 0,
            rows=parsed.rows,
            columns=tuple(_columns(connection, parsed)),
            aside=tuple(row.reason for row in parsed.aside),
            breaks=parsed.breaks,
        )
        if keep is not None:
            shutil.copyfile(parsed.path, keep)
        return found


def _columns(connection: DuckDBPyConnection, parsed: Parsed) -> Iterator[ColumnProfile]:
    told = {column.name: column for column in parsed.columns}
    otherwise = "the layout adds it" if told else "as Parquet has it"
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
        header, reason = (known.header, known.reason) if known else (name, otherwise)
        yield ColumnProfile(header, name, type_, reason, *facts)
