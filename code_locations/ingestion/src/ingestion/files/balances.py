"""Checks that a statement adds up: running balance row by row, opening and closing balance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ingestion.files.records import Records
from ingestion.files.rows import LINE
from ingestion.files.rules import BalanceRule, TotalsRule
from stack.sql import identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PLACES = "decimal(24, 6)"


@dataclass(frozen=True)
class _Breaks:
    count: int
    line: int
    expected: Decimal | None
    found: Decimal | None


def balance_breaks(
    connection: DuckDBPyConnection, query: str, rule: BalanceRule, records: Records
) -> tuple[str, ...]:
    """The first row whose balance isn't the previous one plus what moved since.

    `query` returns the rows with their line. If no order is declared, the one with fewer breaks is
    used. Rows without a balance count towards the next row that has one.
    """
    orders = (rule.order,) if rule.order else ("ascending", "descending")
    found = min((_breaks(connection, query, rule, order) for order in orders), key=_count)
    if not found.count:
        return ()
    more = f", and {found.count - 1:,} more don't follow" if found.count > 1 else ""
    return (
        f"{records.unit} {records.line(found.line):,}: {rule.balance} is {_plain(found.found)}, "
        f"and by the rows before it should be {_plain(found.expected)}{more}",
    )


def _count(found: _Breaks) -> int:
    return found.count


def _breaks(connection: DuckDBPyConnection, query: str, rule: BalanceRule, order: str) -> _Breaks:
    place = f"{LINE}{' desc' if order == 'descending' else ''}"
    accounts = ", ".join(identifier(name) for name in rule.within)
    part = f"partition by {accounts} " if accounts else ""
    row = connection.execute(
        f"with file as ({query}), moved as (select *, cast({identifier(rule.balance)} as {_PLACES})"
        f" as _balance, sum(cast(coalesce({identifier(rule.amount)}, 0) as {_PLACES})) over "
        f"({part}order by {place} rows unbounded preceding) as _moved from file), "
        f"known as (select *, _balance - _moved as _start from moved where _balance is not null), "
        f"chained as (select *, lag(_start) over ({part}order by {place}) as _before from known) "
        f"select count(*), min({LINE}), arg_min(_before + _moved, {LINE}), "
        f"arg_min(_balance, {LINE}) from chained where _start <> _before"
    ).fetchone()
    count, line, expected, found = row or (0, None, None, None)
    return _Breaks(int(count), int(line or 0), expected, found)


def total_breaks(
    connection: DuckDBPyConnection,
    query: str,
    rule: TotalsRule,
    records: Records,
) -> tuple[str, ...]:
    """Whether the opening balance plus all rows gives the closing one, if the file states both."""
    lines = [*records.preamble, *(";".join(row.cells) for row in records.aside)]
    opening, closing = (_stated(lines, p, rule.decimal) for p in (rule.opening, rule.closing))
    if opening is None or closing is None:
        return ()
    row = connection.execute(
        f"with file as ({query}) select sum(cast({identifier(rule.amount)} as {_PLACES})) from file"
    ).fetchone()
    moved = Decimal(row[0] if row and row[0] is not None else 0)
    if opening + moved == closing:
        return ()
    return (
        f"its rows move {_plain(moved)}: from the opening balance {_plain(opening)} to "
        f"{_plain(opening + moved)}, and the file states {_plain(closing)} as the closing one",
    )


def _stated(lines: Sequence[str], pattern: str, mark: str) -> Decimal | None:
    for line in lines:
        match = re.search(pattern, line)
        if match is None:
            continue
        text = re.sub(rf"[^\d{re.escape(mark)}-]", "", match["amount"].replace("\u2212", "-"))
        try:
            number = Decimal(text.replace(mark, "."))
        except InvalidOperation:
            continue
        return -number if match.groupdict().get("minus") else number
    return None


def _plain(number: Decimal | None) -> str:
    if number is None:
        return "nothing"
    return f"{number:,.2f}" if number == number.quantize(Decimal("0.01")) else f"{number:,f}"
