"""What distinguishes the rows of a file, and finds them again in the next export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.connect.columns import Read
from ingestion.connect.questions import Question
from ingestion.files.profile import ColumnProfile

WHOLE_ROW = "none"
_WORDS = re.compile(
    r"(.*_)?(id|nr|no|key|code|uuid|numero|ref)|.*(number|nummer|reference|referenz)|.*(番号|ID)"
)
_COUNTERS = re.compile(r"(lfd_?|lauf|row_?|line_?|zeilen_?)?(nr|no|number|nummer|pos|n)")


@dataclass(frozen=True)
class Key:
    """Columns with unique values; if there are none, all columns and a number among equal rows.

    `question` is set if several columns could be the key.
    """

    columns: tuple[str, ...]
    evidence: str
    question: Question | None = None


def find_key(files: Sequence[Read], columns: Sequence[ColumnProfile], preferred: str) -> Key:
    """A column that has a key's name and unique values in each file.

    `preferred` is the column that is known to have the number of what the rows are.
    """
    alone = [c for c in columns if c.type in ("BIGINT", "VARCHAR") and _alone(files, c.name)]
    called = [
        c
        for c in alone
        if c.name == preferred or _WORDS.fullmatch(c.name) or _WORDS.fullmatch(c.header.strip())
    ]
    certain = [c for c in called if not _counts_rows(files, c.name)]
    chosen = next((c for c in certain if c.name == preferred), None) or next(iter(certain), None)
    if chosen:
        return Key((chosen.name,), f"{chosen.header!r} is other in each row, and called like a key")
    rows = sum(file.profile.rows for file in files)
    alone = [column for column in alone if column in called or column.different == rows]
    if not alone:
        return Key((), "no column is other in each row: equal rows are counted, all columns tell")
    names = " and ".join(repr(column.header) for column in alone[:5])
    counts = f", and {called[0].header!r} only counts the rows" if called else ""
    question = Question(
        f"which column is the key? Other in each row: {names}{counts}",
        "--key",
        (*(column.header for column in alone[:5]), WHOLE_ROW),
    )
    return Key((), "all columns, and the row among equal ones", question)


def _alone(files: Sequence[Read], name: str) -> bool:
    """Whether a column is filled and unique in each file."""
    same = [(c, f.profile.rows) for f in files for c in f.profile.columns if c.name == name]
    return len(same) == len(files) and all(
        not column.empty and column.different == rows for column, rows in same
    )


def _counts_rows(files: Sequence[Read], name: str) -> bool:
    """Whether it is 1, 2, 3 and so on: the next file starts at 1 again."""
    same = [(c, f.profile.rows) for f in files for c in f.profile.columns if c.name == name]
    runs = all(c.type == "BIGINT" and c.first == "1" and c.last == str(n) for c, n in same)
    return runs and (len(files) > 1 or _COUNTERS.fullmatch(name) is not None)
