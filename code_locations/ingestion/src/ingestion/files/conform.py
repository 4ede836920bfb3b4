"""Proven records into the Parquet file that a raw table takes.

A column that the table lacks is added. For a value that doesn't fit its column, the table's
contract says whether the column is widened, the file refused, or the row set aside. No value is
rounded, cut, or turned into null.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files.currencies import differ
from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import WORDS_ONLY
from ingestion.files.names import column_name, column_names, header_keys
from ingestion.files.proof import Proven, prove, text_of
from ingestion.files.records import Records, RowAside
from ingestion.files.rows import VIEWED, preamble_values
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules
from ingestion.files.skipped import skipped_rows, without
from ingestion.files.table_rows import ROW_KEY, SHOWN, Taken, source_of, write_table
from ingestion.files.types import converted, refused
from ingestion.files.written import (
    TYPED_NUMBER,
    is_shown,
    may_be_of_sheet,
    remembered_after,
    shown_number,
    unit_in,
)
from ingestion.loading.widening import room
from stack.raw import RawTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Remembered:
    """What a table's column was read from: the header, and the form of its values.

    `form` is "" while the column has no value.
    """

    header: str
    form: str = ""


@dataclass(frozen=True)
class Destination:
    """Where a file goes: its table, whose present `columns` map name to type in upper case.

    `path` is written unless the file is Parquet that the table takes unchanged. `remembered` covers
    the columns that earlier files made. `apart`: headers spelled differently get separate columns,
    as for an API's fields. `announced` has types, by header, for columns that have no values yet.
    """

    table: RawTable
    columns: Mapping[str, str]
    path: Path
    remembered: Mapping[str, Remembered] = field(default_factory=dict)
    rules: ReadingRules = NOTHING_DECLARED
    apart: bool = False
    announced: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> set[str]:
        """The columns whose types are declared and therefore fixed."""
        return {column.name for column in self.table.columns}


@dataclass(frozen=True)
class ColumnEvidence:
    """What a column became, and why."""

    header: str
    name: str
    type: str
    reason: str


@dataclass(frozen=True)
class Conformed:
    """Rows of a file in the types of its table.

    `widened` are columns of the table; `breaks` say which of the rules' checks fail.
    """

    path: Path
    rows: int
    new_columns: dict[str, str] = field(default_factory=dict)
    widened: dict[str, str] = field(default_factory=dict)
    aside: tuple[RowAside, ...] = ()
    evidence: tuple[ColumnEvidence, ...] = ()
    remembered: dict[str, Remembered] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()


def conform(
    connection: DuckDBPyConnection, records: Records, destination: Destination
) -> Conformed:
    """Write the records for their table. Raises UnreadableFileError."""
    skipped, left_out = skipped_rows(connection, records, destination.rules)
    if left_out:
        records = without(connection, records, skipped, left_out)
    headers = records.names
    places = _used(records, connection)
    names = names_for(headers, destination)
    keys = header_keys(headers)
    _require(destination, [names[n] for n in places], records)
    remembered_forms = {
        n: destination.remembered[names[n]].form
        for n in places
        if names[n] in destination.remembered
    }
    proven = prove(connection, records, destination.rules, remembered_forms)
    new, widened, taken = {}, {}, []
    for n in places:
        name, found = names[n], proven[n]
        text = text_of(n, blank_is_null=records.blank_is_null)
        if found.empty and headers[n] in destination.announced:
            found = replace(found, type=destination.announced[headers[n]])
        present = destination.columns.get(name)
        made = destination.remembered.get(name)
        _require_unit(destination, headers[n], name, _form(records, n, found, made))
        if present is None:
            new[name] = found.type
            taken.append(_plainly(n, headers[n], name, found, found.type, text=text))
            continue
        if name in destination.declared or destination.rules.contract != "evolve":
            taken.append(_bound(n, headers[n], name, found, present))
            continue
        type_ = present if found.empty else _room(present, found.type, made)
        if type_ != present:
            widened[name] = type_
        taken.append(_plainly(n, headers[n], name, found, type_, text=text))
    wanted = {**destination.columns, **new, **widened}
    constants = {**destination.rules.constants, **preamble_values(records, destination.rules)}
    new |= {name: "VARCHAR" for name in constants if name not in wanted}
    new |= {
        name: VIEWED[rule.type].upper()
        for name, rule in destination.rules.derived.items()
        if name not in wanted
    }
    if destination.rules.occurrence and ROW_KEY not in wanted:
        new[ROW_KEY] = "VARCHAR"
    wanted |= new
    _require_proven(connection, records, destination.rules, taken, proven)
    rows, aside, breaks = write_table(
        connection, records, destination.path, destination.rules, taken, wanted, constants
    )
    if destination.rules.contract != "evolve" and new and destination.columns:
        raise UnreadableFileError(
            f"it has the new column{'s' * (len(new) > 1)} {', '.join(new)}, and the contract of "
            f"{destination.table.table_name} is {destination.rules.contract}"
        )
    memory = {
        names[n]: Remembered(
            keys[n], _form(records, n, proven[n], destination.remembered.get(names[n]))
        )
        for n in places
    }
    return Conformed(
        path=destination.path,
        rows=rows,
        new_columns=new,
        widened=widened,
        aside=(*left_out, *aside),
        evidence=tuple(ColumnEvidence(t.header, t.name, t.type, t.reason) for t in taken),
        remembered=memory,
        breaks=breaks,
    )


def _form(records: Records, place: int, found: Proven, before: Remembered | None) -> str:
    """The form to remember for a column; without values, the form that it had before."""
    if found.empty:
        return before.form if before else ""
    kind = found.form.kind if found.form else found.type.lower()
    if not records.kinds or kind not in ("integer", "decimal", "double"):
        name = found.form.name if found.form else found.type
        return remembered_after(before.form if before else "", name)
    if not records.units:
        return TYPED_NUMBER
    unit = records.units[place]
    if (
        before
        and is_shown(before.form)
        and not unit
        and not differ((unit_in(before.form) or "", ""))
    ):
        return before.form  # a cell that nobody formatted
    return shown_number(unit)


def _used(records: Records, connection: DuckDBPyConnection) -> list[int]:
    """Places of the columns, except those without both name and values."""
    if not records.names:
        raise UnreadableFileError("it has no records, and so no columns")
    unnamed = [n for n, name in enumerate(records.names) if not name.strip()]
    if not unnamed:
        return list(range(len(records.names)))
    texts = (text_of(n, blank_is_null=records.blank_is_null) for n in unnamed)
    counts = connection.execute(
        f"select {', '.join(f'count({text})' for text in texts)} from {source_of(records)}"
    ).fetchone()
    empty = {n for n, count in zip(unnamed, counts or (), strict=True) if not count}
    if len(empty) == len(records.names):
        raise UnreadableFileError("none of its columns has a name or a value")
    return [n for n in range(len(records.names)) if n not in empty]


def names_for(headers: Sequence[str], destination: Destination) -> dict[int, str]:
    """The name of each column. In tables older than the memory, dlt's names are kept."""
    known = {memory.header: name for name, memory in destination.remembered.items()}
    keys = header_keys(headers)
    declared = {
        key: rule.name
        for key, header in zip(keys, headers, strict=True)
        if (rule := destination.rules.columns.get(header)) and rule.name
    }
    found = column_names(headers, {**known, **declared}, apart=destination.apart)
    if known or not destination.columns or destination.declared:
        return found
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    naming = NamingConvention()
    former = {n: naming.normalize_identifier(h) if h.strip() else "" for n, h in enumerate(headers)}
    for n, name in former.items():
        once = list(former.values()).count(name) == 1
        if once and name in destination.columns and found[n] not in destination.columns:
            found[n] = name
    return found


def _require(destination: Destination, names: Sequence[str], records: Records) -> None:
    for name in destination.declared:
        alike = [header for header in records.names if column_name(header) == name]
        if len(alike) > 1:
            raise UnreadableFileError(
                f"more than one of its columns would be called {name}: {', '.join(alike)}"
            )
    _require_a_known_column(destination, records)
    rules = destination.rules
    required = {*destination.table.primary_key, *rules.key}
    required -= {*rules.optional, *rules.derived, *rules.preamble}
    if not records.kinds:  # JSON omits a key that has no value
        required |= destination.declared - rules.optional.keys()
    made = {ROW_KEY, *rules.constants}
    if absent := sorted(required.difference(names, made)):
        raise UnreadableFileError(
            f"it lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}; "
            f"found are {', '.join(records.names)}"
        )


def _require_a_known_column(destination: Destination, records: Records) -> None:
    """Refuse a header of words, as wide as the table, with none of its columns: it is a row."""
    headers = {memory.header for memory in destination.remembered.values()}
    if (
        len(headers) == len(records.names) > 1
        and str(records.evidence.get("header", "")).endswith(WORDS_ONLY)
        and not {column_name(h) for h in headers} & {column_name(h) for h in records.names}
    ):
        raise UnreadableFileError(
            f"it seems to have no header: none of {', '.join(records.names)[:100]} is a column of "
            f"{destination.table.table_name}; put a line with the columns' names on top, or give "
            "it a folder, and so a table, of its own"
        )


def _require_unit(destination: Destination, header: str, name: str, form: str) -> None:
    """Raise UnreadableFileError if a column's numbers are in another unit than the table's."""
    made = destination.remembered.get(name)
    before = unit_in(made.form) if made else None
    now = unit_in(form)
    if made is None or before is None or now is None or before == now:
        return
    if (is_shown(made.form) or is_shown(form)) and not differ((before, now)):
        return
    if is_shown(form) and may_be_of_sheet(made.form):
        return
    rule = destination.rules.columns.get(header)
    declared = name in destination.declared or (rule is not None and rule.type is not None)
    if declared and "" in (before, now):
        return
    told = (
        f"its {header} is in {now or 'no unit'}, and in {before or 'no unit'} in the files that "
        f"{destination.table.table_name} has"
    )
    raise UnreadableFileError(f"{told}; give it a folder, and so a table, of its own")


def _plainly(  # noqa: PLR0913
    place: int, header: str, name: str, found: Proven, type_: str, *, text: str
) -> Taken:
    if type_ == "VARCHAR":
        value = text
    elif type_ == found.type:
        value = found.value(text)
    else:
        value = f"cast({found.value(text)} as {type_})"
    return Taken(place, header, name, type_, value, None, found.reason)


def _bound(place: int, header: str, name: str, found: Proven, present: str) -> Taken:
    """A column whose type is fixed: a value that doesn't fit is refused."""
    text = text_of(place)
    if present == "VARCHAR":
        return Taken(place, header, name, present, text, None, "text, as the table has it")
    written = text
    if found.form is not None and found.type != present:
        written = f"cast({found.value(text)} as varchar)"
    elif found.form is not None:
        return Taken(place, header, name, present, found.value(text), None, found.reason)
    condition = refused(written, present)
    return Taken(place, header, name, present, converted(written, present), condition, found.reason)


def _room(present: str, found: str, made: Remembered | None) -> str:
    if made is not None and not made.form:
        return found  # the column never had a value
    return room(present, found)


def _require_proven(
    connection: DuckDBPyConnection,
    records: Records,
    rules: ReadingRules,
    taken: Sequence[Taken],
    proven: Sequence[Proven],
) -> None:
    """Days and numbers that other columns are computed from must be proven in every row."""
    said = " ".join(rule.sql for rule in rules.derived.values())
    for column in taken:
        found, kind = proven[column.place], rules.optional.get(column.name, "text")
        if kind == "text" or found.form or found.empty or found.type != "VARCHAR":
            continue
        if not re.search(rf"\b{column.name}\b", said):
            continue
        odd = connection.execute(
            f"select c{column.place}, min(file_row_number) as place, count(*) as rows, "
            f"regexp_replace(regexp_replace(c{column.place}, '[0-9]+', '9', 'g'), "
            "'[A-Za-z]+', 'a', 'g') as shape, "
            f"sum(rows) over (partition by shape) as alike from {source_of(records)} "
            f"where {text_of(column.place)} is not null group by c{column.place} "
            "order by alike, place limit 1"
        ).fetchone()
        value, row = (odd[0], odd[1]) if odd else ("", 0)
        raise UnreadableFileError(
            f"column {column.header}: {found.reason}; {records.unit} {records.line(int(row)):,} "
            f"has {str(value)[:SHOWN]!r}, where the layout has a {kind}; correct it there, or "
            "declare how it is read (docs/files.md)"
        )
