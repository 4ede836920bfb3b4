"""Reads the files to be connected, and groups those that are one table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ingestion.connect.columns import UNDECIDED, Read
from ingestion.connect.questions import Answers, ConnectError, Question
from ingestion.files.errors import UnreadableFileError
from ingestion.files.listing import PASSED_OVER, name_of
from ingestion.files.names import column_name, table_name
from ingestion.files.profile import profile
from ingestion.files.rules import DateOrder, ReadingRules
from ingestion.files.workbook import sheets

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ORDERS: tuple[tuple[DateOrder, str], ...] = (("dmy", r"\bdd[/-]mm"), ("mdy", r"\bmm[/-]dd"))
# Dates or numbers around an export's name, as in `stunden_2026-03 (1)`.
_AROUND = re.compile(
    r"^[\d._ -]+(?=\D{2})"
    r"|[ _-]*([ _-]\d[\d ._-]*|\d{4}[\d ._-]*|\(\d+\)|[ _-]\(?(copy|kopie|copie)\)?)$",
    re.IGNORECASE,
)


@dataclass
class Found:
    """The files, grouped by table; why others don't belong to one; and open questions."""

    groups: list[list[Read]] = field(default_factory=list)
    passed_over: dict[Path, str] = field(default_factory=dict)
    refused: dict[Path, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files at these paths, including those in folders. Raises ConnectError."""
    found = []
    for path in paths:
        if not path.exists():
            raise ConnectError(
                str(path),
                found="no such file or folder",
                expected="files, or a folder of them",
                next_step="check the path; one with blanks needs quotes",
            )
        inside = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
        inside.sort(key=lambda p: p.with_suffix(""))
        found += [p for p in inside if name_of(p.name) and not PASSED_OVER.search(p.name)]
    if not found:
        raise ConnectError(
            ", ".join(map(str, paths)),
            found="no file whose name ends as one that can hold rows",
            expected="csv, xlsx, json and the like (docs/files.md)",
            next_step="export it as one of these",
        )
    return found


def read_files(
    connection: DuckDBPyConnection, files: Sequence[Path], answers: Answers, folder: Path
) -> Found:
    """Read each file's rows into `folder`; files with the same columns are one table's."""
    found = Found()
    rules = ReadingRules(dates=answers.dates, decimal=answers.decimal, sheet=answers.sheet or None)
    seen: dict[str, Path] = {}
    groups: dict[frozenset[str], list[Read]] = {}
    for file in files:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest in seen:
            found.passed_over[file] = f"its content is that of {seen[digest]}"
            continue
        seen[digest] = file
        rows = folder / f"{len(seen)}.parquet"
        try:
            read = Read(file, profile(connection, file, rules, rows), rows)
        except UnreadableFileError as error:
            if question := _which_sheet(file, answers):
                found.questions.append(question)
            else:
                found.refused[file] = str(error)
            continue
        if read.profile.rows:
            groups.setdefault(frozenset(read.header), []).append(read)
        else:
            found.passed_over[file] = "it has a header and no rows"
    together = _merged(sorted(groups.values(), key=lambda g: -len(g[0].header)))
    found.groups = [_settled(connection, group, rules) for group in together]
    return found


def _which_sheet(file: Path, answers: Answers) -> Question | None:
    """The question which sheet to take, if a workbook was refused for having several tables."""
    try:
        names = tuple(sheet.name for sheet in sheets(file) if sheet.rows and sheet.visible)
    except (UnreadableFileError, OSError):
        return None
    if len(names) < 2 or answers.sheet in names:
        return None
    about = f"{file.name}: its sheets have different columns, and one is read at a time"
    return Question(about, "--sheet", names)


def _merged(groups: Sequence[list[Read]]) -> list[list[Read]]:
    """Groups, widest first: a narrower one joins one with all of its columns and its name."""
    found: list[list[Read]] = []
    for group in groups:
        names = {stem(read.file) for read in group}
        wider = (
            other
            for other in found
            if names & {stem(read.file) for read in other}
            and set(other[0].header) >= set(group[0].header)
        )
        home = next(wider, None)
        if home is None:
            found.append(list(group))
        else:
            home.extend(group)
    return sorted(found, key=lambda group: str(group[0].file))


def _settled(connection: DuckDBPyConnection, group: list[Read], rules: ReadingRules) -> list[Read]:
    """Read files again whose order of days only another file of the group decides."""
    reasons = [column.reason for read in group for column in read.profile.columns]
    told = {
        order
        for order, form in _ORDERS
        for reason in reasons
        if re.search(form, reason) and UNDECIDED not in reason
    }
    if len(told) != 1 or not any(UNDECIDED in reason and "dd" in reason for reason in reasons):
        return group
    known = rules.model_copy(update={"dates": told.pop()})
    return [
        Read(read.file, profile(connection, read.file, known, read.rows), read.rows, known.dates)
        for read in group
    ]


def stem(file: Path) -> str:
    """A file's name without the dates and numbers around it."""
    name, before = cast("str", name_of(file.name)), ""
    while name != before:
        name, before = _AROUND.sub("", name), name
    return name


def table_of(files: Sequence[Path]) -> str:
    """The table's name: the common part of the files' names, or else their folder's name."""
    stems = {stem(file).casefold() for file in files}
    if len(stems) > 1 or not any(c.isalpha() for c in "".join(stems)):
        stems = {stem(files[0].absolute().parent / f"{files[0].absolute().parent.name}.csv")}
    name = next(iter(stems))
    table = table_name(name)
    return column_name(name) if table.startswith("t_") and not name.isascii() else table or "table"
