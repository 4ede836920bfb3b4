"""What files become: groups of one header, each with a table, a key, and what is open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ingestion.connect.books import BooksMapping, feeds_of, propose
from ingestion.files.errors import UnreadableFileError
from ingestion.files.listing import name_of
from ingestion.files.names import table_name
from ingestion.files.profile import Profile, profile
from ingestion.files.rules import ColumnRule, DateOrder, ReadingRules
from ingestion.layouts import Feed, Layout, recognise
from stack.errors import StackError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_KEY_WORDS = re.compile(r"(.*_)?(id|nr|no|key|code|uuid)|.*(number|nummer|reference|referenz)")
_UNDECIDED = "fit alike, and nothing decides"
# Marks of a day or a number at the end of an export's name, as in `stunden_2026-03`.
_TAIL = re.compile(r"[ _-]*(\d[\d ._-]*|\(\d+\))$")


class ConnectError(StackError):
    """Files can't be connected as they are; the message says what is missing."""


@dataclass(frozen=True)
class Answers:
    """What the user has said."""

    table: str = ""
    key: tuple[str, ...] = ()
    dates: DateOrder | None = None
    decimal: Literal[".", ","] | None = None
    currency: str = "EUR"
    rate: str = ""
    target: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """Files of one header: how they are read, what is known of them, and what they fill."""

    table: str
    files: tuple[Path, ...]
    profiles: tuple[Profile, ...]
    read: ReadingRules
    mapping: BooksMapping
    feeds: dict[str, Feed]
    layout: Layout | None = None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The raw table's."""
        return ("_row_key",) if self.read.occurrence else self.read.key

    def open_questions(self) -> list[str]:
        """What the files can't tell, each with the flag that says it."""
        found = []
        for column in self.profiles[0].columns:
            if _UNDECIDED in column.reason:
                day = "dd" in column.reason
                flag = "--dates dmy or --dates mdy" if day else "--decimal . or --decimal ,"
                found.append(f"{column.header!r}: {column.reason}; say {flag}")
        return found


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files at these paths, those of folders too. Raises ConnectError."""
    found = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found += [p for p in inside if name_of(p.name) is not None and not p.name.startswith(".")]
    if not found:
        raise ConnectError("stack connect", found="no file that can hold rows at these paths")
    return found


def proposals(
    connection: DuckDBPyConnection, files: Sequence[Path], answers: Answers
) -> tuple[list[Proposal], dict[Path, str]]:
    """A proposal for each group of files with one header, and the reasons of those refused."""
    rules = ReadingRules(dates=answers.dates, decimal=answers.decimal)
    groups: dict[tuple[str, ...], list[tuple[Path, Profile]]] = {}
    refused: dict[Path, str] = {}
    for file in files:
        try:
            found = profile(connection, file, rules)
        except UnreadableFileError as error:
            refused[file] = str(error)
            continue
        header = tuple(column.header for column in found.columns)
        groups.setdefault(header, []).append((file, found))
    if answers.table and len(groups) > 1:
        raise ConnectError(
            "--table",
            found=f"{len(groups)} groups of files with different columns",
            next_step="connect them one by one",
        )
    return [_propose(header, group, rules, answers) for header, group in groups.items()], refused


def _propose(
    header: tuple[str, ...],
    group: Sequence[tuple[Path, Profile]],
    rules: ReadingRules,
    answers: Answers,
) -> Proposal:
    files = tuple(file for file, _ in group)
    profiles = tuple(found for _, found in group)
    layout = recognise(header)
    if layout is not None:
        return Proposal(
            layout.name, files, profiles, rules, BooksMapping("none", {}), layout.feeds, layout
        )
    columns = profiles[0].columns
    table = answers.table or _table(files)
    by_header = {c.header: c.name for c in columns} | {c.name: c.name for c in columns}
    unknown = [c for c in (*answers.key, *answers.columns.values()) if c not in by_header]
    if unknown:
        raise ConnectError(
            ", ".join(unknown), found="no such column", expected=f"one of {', '.join(header)}"
        )
    said = {fact: by_header[name] for fact, name in answers.columns.items()}
    mapping = propose(columns, said, answers.target)
    key = tuple(by_header[name] for name in answers.key) or _key(profiles)
    read = rules.model_copy(
        update={
            "key": key or tuple(column.name for column in columns),
            "occurrence": not key or mapping.target == "time_entries",
            "columns": {c.header: rule for c in columns if (rule := _rule(c.type)) is not None},
        }
    )
    feeds = feeds_of(mapping, answers.currency, answers.rate)
    return Proposal(table, files, profiles, read, mapping, feeds)


def _rule(type_: str) -> ColumnRule | None:
    """What is declared of a column whose type was proven: later files have to keep to it."""
    if type_ == "DATE":
        return ColumnRule(type="date")
    if type_.startswith("DECIMAL"):
        return ColumnRule(type="decimal")
    return None


def _table(files: Sequence[Path]) -> str:
    """What the names have in common, without the numbers and days at their ends."""
    stems = {_TAIL.sub("", (name_of(file.name) or file.stem)) for file in files}
    if len(stems) > 1:
        stems = {files[0].parent.name}
    return table_name(next(iter(stems))) or "table"


def _key(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """A column that is called like a key, and has a value of its own in each row of each file."""
    for column in profiles[0].columns:
        same = [c for p in profiles for c in p.columns if c.name == column.name]
        rows = [p.rows for p in profiles]
        alone = all(c.empty == 0 and c.different == n for c, n in zip(same, rows, strict=True))
        if alone and _KEY_WORDS.fullmatch(column.name):
            return (column.name,)
    return ()
