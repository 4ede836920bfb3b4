"""Checks answers against what the files have."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.connect.books import NO_TAX, WORDS
from ingestion.connect.columns import Read
from ingestion.connect.keys import WHOLE_ROW
from ingestion.connect.questions import Answers, ConnectError


def names_in(files: Sequence[Read]) -> set[str]:
    """The names that the files' columns go by: in the files, and in the table."""
    return {n for read in files for c in read.profile.columns for n in (c.name, c.header)}


def check_columns(files: Sequence[Read], answers: Answers) -> None:
    """Raise ConnectError if an answer names a column that no file has, or an unknown fact."""
    there = names_in(files)
    said = {*answers.key} - {WHOLE_ROW}
    said |= {name for fact, name in answers.columns.items() if (fact, name) != ("tax", NO_TAX)}
    if there and (unknown := sorted(said - there)):
        headers = [header for read in files for header in read.header]
        names = ", ".join(dict.fromkeys(headers))
        raise ConnectError(
            ", ".join(unknown),
            found="no such column",
            expected=f"one of {names}",
            next_step="say it as the file has it",
        )
    if odd := sorted(answers.columns.keys() - WORDS.keys()):
        raise ConnectError(
            f"--column {odd[0]}=…", found="no such fact", expected=f"one of {', '.join(WORDS)}"
        )
