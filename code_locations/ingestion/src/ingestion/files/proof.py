"""Types by proof: a column has a type only if all its values are in one form that gives it.

Forms that fit a sample are tried on all rows in one query. Counterexamples join the sample, until a
form holds or none is left. If several forms hold and disagree, such as day or month first, none is
taken unless it is declared, remembered, or decided by another column of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingestion.files.forms import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    Form,
    possible_forms,
    written_as,
)
from ingestion.files.records import Records, batched
from ingestion.files.rules import NOTHING_DECLARED, ColumnRule, ReadingRules
from ingestion.files.written import ORDERLESS, is_amount, mark_in
from ingestion.loading.widening import MOST_DIGITS, decimal_type
from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE_ROWS = 2_000
_SAMPLE_VALUES = 150
_COLUMNS_AT_ONCE = 100  # DuckDB's planning time grows with its square
_TYPES = {
    "boolean": "BOOLEAN", "integer": "BIGINT", "date": "DATE", "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE", "double": "DOUBLE", "time": "TIME", "json": "JSON",
}  # fmt: skip
# The days of a table are rarely further apart.
_NEAR_DAYS = 3 * 366
_ISO = {"%Y-%m-%d", "ISO time", "ISO time with its zone", "ISO minutes with their zone"}
# Kinds of forms that are accepted for a declared type.
_KINDS = {
    "decimal": {"decimal", "integer"}, "integer": {"integer", "decimal"}, "date": {"date"},
    "double": {"decimal", "integer"}, "timestamp": {"timestamp", "timestamptz", "date"},
    "boolean": {"boolean"}, "time": {"time"}, "json": set[str](),
}  # fmt: skip
_NUMBERS = ("integer", "decimal", "double")


@dataclass(frozen=True)
class Proven:
    """What a column's values are: a DuckDB type in upper case, and the reason.

    `form` is None for text; `empty` means that there is no value at all.
    """

    type: str
    reason: str
    form: Form | None = None
    empty: bool = False

    def value(self, text: str) -> str:
        """The SQL of a value, given the SQL of its text."""
        if self.form is not None:
            return f"cast({self.form.value(text)} as {self.type})"
        return text if self.type == "VARCHAR" else f"try_cast({text} as {self.type})"


@dataclass
class _Column:
    """A column whose form is being sought: `forms` are tried next, `left` have held."""

    text: str
    sample: list[str]
    rule: ColumnRule
    source: str
    header: str = ""
    remembered: str = ""
    numbers_only: bool = False
    iso_only: bool = False
    forms: list[Form] = field(default_factory=list)
    left: list[Form] = field(default_factory=list)
    failed: set[Form] = field(default_factory=set)
    done: Proven | None = None

    def propose(self) -> None:
        """Set the forms that fit the sample; without any, the column is text."""
        proposed = self._proposed() if self.sample else [BOOLEAN]  # no value yet: look at all rows
        self.forms = [form for form in proposed if form not in self.failed]
        if not self.forms:
            shown = f", such as {self.sample[0][:40]!r}"
            self.done = Proven("VARCHAR", f"its values have no form in common{shown}")

    def _proposed(self) -> list[Form]:
        rule = self.rule
        if rule.format:
            return [written_as(rule.format, "date" if rule.type in (None, "date") else "timestamp")]
        if self.numbers_only:
            numbers = [f for f in (INTEGER, NUMBER) if f not in self.failed]
            return [form for form in numbers if form.fits(self.sample)][:1]
        are_numbers = (
            rule.type in _NUMBERS or rule.decimal is not None or is_amount(self.remembered)
        )
        forms = possible_forms(self.sample, self.failed, self.header, are_numbers=are_numbers)
        if self.iso_only:
            return [form for form in forms if form.name in _ISO]
        if rule.decimal:
            forms = [form for form in forms if form.mark in ("", rule.decimal)]
        wanted = _KINDS.get(rule.type or "")
        return [form for form in forms if wanted is None or form.kind in wanted]


def text_of(place: int, *, blank_is_null: bool = True) -> str:
    """The SQL of a column's text, null where it is empty."""
    return f"nullif(c{place}, '')" if blank_is_null else f"c{place}"


def prove(
    connection: DuckDBPyConnection,
    records: Records,
    rules: ReadingRules = NOTHING_DECLARED,
    remembered: Mapping[int, str] | None = None,
) -> list[Proven]:
    """What each column of the records is; `remembered` has the forms of the table's columns."""
    source = f"read_parquet({literal(records.path)})"
    columns = [
        _Column(
            text=text_of(n, blank_is_null=records.blank_is_null),
            sample=sample,
            rule=_rule(rules, name),
            source=f"(select distinct c{n} from {source})" if repeats else source,
            header=name,
            remembered=(remembered or {}).get(n, ""),
        )
        for n, (name, (sample, repeats)) in enumerate(
            zip(records.names, _samples(records), strict=True)
        )
    ]
    for n, column in enumerate(columns):
        kinds = records.kinds[n] if records.kinds else None
        column.numbers_only = kinds == frozenset({"number"})
        column.iso_only = kinds == frozenset({"text"})
        column.done = _by_kind(kinds)
        if column.rule.type == "text":
            column.done = Proven("VARCHAR", "text, as declared")
        if column.done is None:
            column.propose()
    while pending := [c for c in columns if c.done is None and not c.left]:
        for group in _read_together(pending):
            _verify(connection, group)
    _choose(connection, columns, rules)
    for group in _read_together([column for column in columns if column.done is None]):
        _measure(connection, group)
    return [column.done or Proven("VARCHAR", "text") for column in columns]


def _read_together(columns: Sequence[_Column]) -> Iterator[list[_Column]]:
    """Columns that one query can check; one with repeated values gets a query of its own."""
    by_source: dict[str, list[_Column]] = {}
    for column in columns:
        by_source.setdefault(column.source, []).append(column)
    for group in by_source.values():
        yield from batched(group, _COLUMNS_AT_ONCE)


def _rule(rules: ReadingRules, name: str) -> ColumnRule:
    return rules.columns.get(name) or rules.columns.get(name.strip()) or ColumnRule()


def _by_kind(kinds: frozenset[str] | None) -> Proven | None:
    """What a format with types says; None where the values must decide."""
    if kinds is None or kinds in ({"number"}, {"text"}):
        return None
    if not kinds:
        return Proven("VARCHAR", "it has no value yet", empty=True)
    for told, type_ in (
        ({"boolean"}, "BOOLEAN"), ({"date"}, "DATE"), ({"timestamp"}, "TIMESTAMP"),
        ({"date", "timestamp"}, "TIMESTAMP"), ({"time"}, "TIME"), ({"nested"}, "JSON"),
        ({"timestamptz"}, "TIMESTAMP WITH TIME ZONE"), ({"double"}, "DOUBLE"),
        ({"double", "number"}, "DOUBLE"), ({"duration"}, "VARCHAR"), ({"blob"}, "BLOB"),
    ):  # fmt: skip
        if kinds == told:
            return Proven(type_, f"the file says {' and '.join(sorted(kinds))}")
    return Proven("VARCHAR", f"its values are of several kinds: {', '.join(sorted(kinds))}")


def _samples(records: Records) -> list[tuple[list[str], bool]]:
    """Some distinct values of each column, and whether its values repeat."""
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(records.path)
    batch = next(parquet.iter_batches(_SAMPLE_ROWS), None)
    if batch is None:
        return [([], False) for _ in records.names]
    different = [column.unique().to_pylist() for column in batch.columns]
    return [
        ([text for text in texts if text][:_SAMPLE_VALUES], 2 * len(texts) <= batch.num_rows)
        for texts in different
    ]


def _verify(connection: DuckDBPyConnection, columns: Sequence[_Column]) -> None:
    """Try the forms on all rows: those that hold are kept, or else the sample grows."""
    tried = [(column, form) for column in columns for form in column.forms]
    picked = ["1" if column.sample else f"count({column.text})" for column in columns]
    for column, form in tried:
        against = f"{column.text} is not null and not coalesce({form.proof(column.text)}, false)"
        picked += [f"{f}({column.text}) filter (where {against})" for f in ("min", "max")]
    query = f"select {', '.join(picked)} from {columns[0].source}"
    row = connection.execute(query).fetchone() or ()
    for n, (column, form) in enumerate(tried, 1):
        least, most = row[len(columns) + n * 2 - 2 : len(columns) + n * 2]
        if least is None:
            column.left.append(form)
        else:
            column.sample = [*{least: 0, most: 0}, *column.sample]
            column.failed.add(form)
    for column, values in zip(columns, row, strict=False):
        if not values:
            column.done = Proven("VARCHAR", "it has no value yet", empty=True)
        elif not column.left:
            if column.rule.format:
                shown = f"{column.rule.format}, as {column.sample[0][:40]!r}"
                column.done = Proven("VARCHAR", f"some of its values are not as declared, {shown}")
            else:
                column.propose()


def _choose(
    connection: DuckDBPyConnection, columns: Sequence[_Column], rules: ReadingRules
) -> None:
    """Decide between the forms that hold, or for text."""
    for column in columns:
        if column.done is None and rules.dates != "ymd":
            column.left = _plausible(connection, column)
    several = [column for column in columns if column.done is None and len(column.left) > 1]
    single = [c.left[0] for c in columns if c.done is None and len(c.left) == 1]
    marks, orders = {form.mark for form in single}, {form.order for form in single}
    for column in several:
        if not _differ(connection, column):
            column.left = [_without_order(column.left[0])]
            continue
        declared = [f for f in column.left if _is_of(f, rules.decimal, rules.dates)]
        mark = mark_in(column.remembered)
        remembered = [f for f in column.left if f.name == column.remembered]
        remembered = remembered or [f for f in column.left if mark and f.mark == mark]
        by_file = [f for f in column.left if f.mark in marks - {""} or f.order in orders - {""}]
        chosen = declared or remembered or by_file
        if len(chosen) == 1:
            column.left = chosen
        else:
            names = " and ".join(form.shown for form in column.left)
            column.done = Proven("VARCHAR", f"{names} fit alike, and nothing decides")


def _plausible(connection: DuckDBPyConnection, column: _Column) -> list[Form]:
    """The forms that hold, without year-first ones where another is as likely.

    Two-digit years may come first or last: `25.11.03`. Days of one table are close together, so
    year-first is ruled out unless it brings them closer than a form that spreads them over years.
    """
    first = [form for form in column.left if form.order == "ymd"]
    others = [form for form in column.left if form.order != "ymd"]
    if not first or not others or column.remembered in {form.name for form in first}:
        return column.left
    spans = [
        f"date_diff('day', min({form.value(column.text)}), max({form.value(column.text)}))"
        for form in (others[0], first[0])
    ]
    found = connection.execute(f"select {', '.join(spans)} from {column.source}").fetchone()
    last, before = found or (0, 0)
    return column.left if last > _NEAR_DAYS and before < last else others


def _without_order(form: Form) -> Form:
    """The form of days that are the same in any order, so that nothing is remembered of it."""
    return replace(form, name=ORDERLESS, order="") if form.order else form


def _is_of(form: Form, decimal: str | None, dates: str | None) -> bool:
    """Whether a form has the file's declared decimal mark or order of days."""
    by_mark, by_order = decimal and form.mark == decimal, dates and form.order == dates
    return bool(by_mark or by_order)


def _differ(connection: DuckDBPyConnection, column: _Column) -> bool:
    """Whether the remaining forms give different values."""
    first, *others = (form.value(column.text) for form in column.left)
    where = " or ".join(f"{first} is distinct from {other}" for other in others)
    query = f"select 1 from {column.source} where {where} limit 1"
    return connection.execute(query).fetchone() is not None


def _measure(connection: DuckDBPyConnection, proven: Sequence[_Column]) -> None:
    """Set the types of proven columns; decimals get the digits that they need."""
    unmeasured = [c for c in proven if c.left[0].kind == "decimal" and c.left[0].scale is None]
    digits = []
    for column in unmeasured:
        plain = column.left[0].value(column.text)
        point = f"instr({plain}, '.')"
        signs = f"cast(starts_with({plain}, '-') as integer)"
        whole = f"case when {point} > 0 then {point} - 1 else strlen({plain}) end - {signs}"
        digits.append(f"max({whole})")
        digits.append(f"max(case when {point} > 0 then strlen({plain}) - {point} else 0 end)")
    query = f"select {', '.join(digits or ['1'])} from {proven[0].source}"
    found = iter((connection.execute(query).fetchone() or ()) if digits else ())
    for column in proven:
        form = column.left[0]
        if column not in unmeasured:
            type_ = f"DECIMAL(18,{form.scale})" if form.scale else _TYPES[form.kind]
            column.done = Proven(type_, form.shown, form)
            continue
        whole, scale = next(found), next(found)
        type_ = decimal_type(whole, scale)
        reason = (
            form.name if type_ != "VARCHAR" else f"its numbers have more than {MOST_DIGITS} digits"
        )
        column.done = Proven(type_, reason, form if type_ != "VARCHAR" else None)
