"""What files of one kind become: a table, its key, its columns, and open questions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from ingestion.connect.books import NO_TAX, BooksMapping, propose, questions
from ingestion.connect.checks import check_columns, names_in
from ingestion.connect.columns import UNDECIDED, Read, joined, rows_by_key, with_clocks
from ingestion.connect.feeds import feeds_of
from ingestion.connect.keys import WHOLE_ROW, Key, find_key
from ingestion.connect.money import Currency, currency_column, currency_of
from ingestion.connect.questions import Answers, ConnectError, Question
from ingestion.connect.reading import Found, table_of
from ingestion.files.profile import ColumnProfile
from ingestion.files.rules import ColumnKind, ColumnRule, ReadingRules
from ingestion.layouts import Feed, Layout, recognise

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Proposal:
    """Files of one table: how they are read, what is known about them, and what they fill."""

    table: str
    files: tuple[Read, ...]
    columns: tuple[ColumnProfile, ...]
    read: ReadingRules
    mapping: BooksMapping
    feeds: dict[str, Feed]
    key: Key
    currency: Currency
    kept: int
    answers: Answers
    questions: tuple[Question, ...] = ()
    layout: Layout | None = None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The raw table's key."""
        return ("_row_key",) if self.read.occurrence else self.read.key

    def asks(self, flag: str) -> bool:
        """Whether a flag must be given."""
        return any(question.flag == flag for question in self.questions)

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(read.profile.rows for read in self.files)


def proposals(
    connection: DuckDBPyConnection,
    found: Found,
    answers: Answers,
    own: Mapping[str, Answers],
) -> list[Proposal]:
    """A proposal for each group of files. `own` has answers for single tables, by name.

    Raises ConnectError for answers that don't fit.
    """
    if answers.table and len(found.groups) > 1:
        raise ConnectError(
            f"--table {answers.table}",
            found=f"{len(found.groups)} groups of files with different columns",
            expected="files of one table",
            next_step="connect them one by one",
        )
    check_columns([read for group in found.groups for read in group], answers)
    made = []
    for group in found.groups:
        table = answers.table or table_of([read.file for read in group])
        said = own.get(table) or _part(answers, group, alone=len(found.groups) == 1)
        proposal = _propose(connection, table, group, said)
        asked = [f for flag, f in (("--as", "target"), ("--key", "key")) if proposal.asks(flag)]
        if said is not answers and table not in own and asked:
            said = replace(said, **{name: getattr(answers, name) for name in asked})
            proposal = _propose(connection, table, group, said)
        made.append(proposal)
    if answers.target and not own and all(not p.answers.target for p in made):
        raise ConnectError(
            f"--as {answers.target}",
            found="several tables, none of which leaves open what its rows are",
            next_step="connect that one by itself",
        )
    codes = {p.currency.code for p in made if p.currency.code}
    if len(codes) == 1:  # hours state no currency, but have the same clients
        code = codes.pop()
        made = [
            _propose(connection, p.table, p.files, replace(p.answers, currency=code))
            if p.mapping.target == "time_entries" and p.currency == Currency()
            else p
            for p in made
        ]
    _names_differ(made)
    return made


def _part(answers: Answers, group: Sequence[Read], *, alone: bool) -> Answers:
    """The answers for this group: of several groups, each takes the columns that it has."""
    if alone:
        return answers
    there = names_in(group) | {WHOLE_ROW, NO_TAX}
    columns = {fact: name for fact, name in answers.columns.items() if name in there}
    key = answers.key if set(answers.key) <= there - {WHOLE_ROW} else ()
    return replace(answers, key=key, columns=columns, target="")


def _names_differ(made: Sequence[Proposal]) -> None:
    tables: dict[str, Path] = {}
    for proposal in made:
        file = proposal.files[0].file
        if (other := tables.setdefault(proposal.table, file)) != file and not proposal.layout:
            raise ConnectError(
                f"{other} and {file}",
                found=f"different columns, and one name for both tables: {proposal.table}",
                next_step="connect each by itself, with --table",
            )


def _propose(
    connection: DuckDBPyConnection, table: str, group: Sequence[Read], answers: Answers
) -> Proposal:
    files, columns = tuple(group), joined(connection, group)
    rules = ReadingRules(
        dates=answers.dates or files[0].dates, decimal=answers.decimal, sheet=answers.sheet or None
    )
    layout = recognise(files[0].header)
    if layout is not None:
        rows = sum(read.profile.rows for read in files)
        none = BooksMapping("none", {})
        return Proposal(
            layout.name, files, columns, rules, none, layout.feeds, Key((), ""), Currency(), rows,
            answers, layout=layout,
        )  # fmt: skip
    names = {c.name: c.name for c in columns} | {c.header: c.name for c in columns}
    said = {fact: names.get(name, name) for fact, name in answers.columns.items()}
    with_times = with_clocks(connection, group, columns)
    mapping = propose(with_times, said, answers.target)
    currency, mapping = _currency(connection, group, columns, mapping, answers)
    key = _key(group, with_times, mapping, answers, names)
    hours = mapping.target == "time_entries"  # an hour that is listed twice is two hours
    occurrence = hours or not key.columns
    there = [{column.name for column in read.profile.columns} for read in files]
    in_all = tuple(c.name for c in columns if all(c.name in names_ for names_ in there))
    keyed = key.columns or in_all
    shared, kept = rows_by_key(connection, group, keyed)
    if shared and not occurrence:
        raise ConnectError(
            f"--key {' --key '.join(answers.key)}",
            found=f"{shared:,} rows whose key another row of the same file has",
            expected="a key of its own for each row",
            next_step=f"say more columns, or --key {WHOLE_ROW}",
        )
    read = rules.model_copy(
        update={
            "key": keyed,
            "occurrence": occurrence,
            "optional": {c.name: _kind(c.type) for c in columns if c.name not in in_all},
            "columns": {c.header: rule for c in columns if (rule := _rule(c.type)) is not None},
        }
    )
    open_ = [*_undecided(columns), *questions(mapping, with_times, answers.target)]
    open_ += [key.question] if key.question and not hours else []
    if not open_ and currency == Currency() and _needs_currency(mapping, answers):
        about = "no column, header or value says which currency the amounts are in"
        open_.append(Question(about, "--currency", ("EUR", "USD", "GBP", "CHF")))
    feeds = {} if open_ else feeds_of(mapping, currency.code, answers.rate)
    return Proposal(
        table, files, columns, read, mapping, feeds, key, currency, kept, answers, tuple(open_)
    )


def _key(
    group: Sequence[Read],
    columns: Sequence[ColumnProfile],
    mapping: BooksMapping,
    answers: Answers,
    names: Mapping[str, str],
) -> Key:
    if answers.key == (WHOLE_ROW,):
        return Key((), "all columns, and the row among equal ones, as you said")
    if answers.key:
        return Key(tuple(names[name] for name in answers.key), "as you said")
    return find_key(group, columns, mapping.columns.get("number", ""))


def _currency(
    connection: DuckDBPyConnection,
    group: Sequence[Read],
    columns: Sequence[ColumnProfile],
    mapping: BooksMapping,
    answers: Answers,
) -> tuple[Currency, BooksMapping]:
    """The currency, and the mapping with its column, if there is one."""
    if column := mapping.columns.get("currency"):
        return Currency("", column, "called so"), mapping
    if found := currency_column(connection, group, columns):
        return found, BooksMapping(mapping.target, {**mapping.columns, "currency": found.column})
    if answers.currency:
        return Currency(answers.currency, "", "as you said"), mapping
    amounts = {mapping.columns.get(fact, "") for fact in ("net", "gross", "tax")} - {""}
    return currency_of(columns, amounts) or Currency(), mapping


def _needs_currency(mapping: BooksMapping, answers: Answers) -> bool:
    return mapping.target == "invoices" or bool(mapping.target == "time_entries" and answers.rate)


def _undecided(columns: Sequence[ColumnProfile]) -> list[Question]:
    found: dict[str, Question] = {}
    for column in columns:
        if UNDECIDED in column.reason:
            about = f"{column.header!r}: {column.reason}"
            day = "dd" in column.reason
            flag, choices = ("--dates", ("dmy", "mdy")) if day else ("--decimal", (".", ","))
            found.setdefault(flag, Question(about, flag, choices))
    return list(found.values())


def _kind(type_: str) -> ColumnKind:
    kinds = get_args(ColumnKind)
    known = {"BIGINT": "integer", "VARCHAR": "text"}.get(type_, re.split(r"\W", type_)[0].lower())
    return cast("ColumnKind", known if known in kinds else "text")


def _rule(type_: str) -> ColumnRule | None:
    """The declaration of a column with a proven type, which later files must keep to."""
    if type_ == "DATE":
        return ColumnRule(type="date")
    if type_.startswith("DECIMAL"):
        return ColumnRule(type="decimal")
    return None
