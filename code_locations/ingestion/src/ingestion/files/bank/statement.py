"""What a file of bank statements is: the same columns for every kind, and what balances prove.

The columns of a row: `amount` is signed, money in is positive. `status` is BOOK; PDNG for what
isn't booked yet and may come again; INFO for what never moves money. The row of a batch stands for
all its parts: `purpose` and the other columns about a payment hold what the parts share, and
`batch_count` is the number of parts if the bank states it. `reference` comes from payer or payee: a
creditor's reference (RF, QR) in CAMT, the customer's in MT940, a check number in OFX. `reversal`
marks a row that takes back another; its sign is already right. `transaction_code` is the bank's
own. References that mean "none" (NOTPROVIDED, NONREF) are None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["camt", "mt940", "ofx"]
Value = str | int | bool | Decimal | date | None
Row = tuple[int, dict[str, Value]]

NAMES = (
    "account",
    "statement",
    "booking_date",
    "value_date",
    "amount",
    "currency",
    "counterparty",
    "counterparty_account",
    "purpose",
    "end_to_end_reference",
    "mandate_reference",
    "reference",
    "bank_reference",
    "transaction_code",
    "batch_count",
    "status",
    "reversal",
)
_NO_REFERENCE = {"NOTPROVIDED", "NONREF", ""}


@dataclass(frozen=True)
class Statement:
    """All entries of a file of statements.

    Each of `rows` has its line (MT940, OFX) or the number of its entry in the file (CAMT), from 1,
    and a value for each of `names`. `records` counts entries by scanning the text, without the
    reader. `evidence` holds what was found and, for each statement, its balances, its sum, and
    whether they agree. `breaks` has one sentence for each disagreement.
    """

    rows: list[Row]
    records: int
    evidence: dict[str, Any]
    breaks: list[str]
    names: tuple[str, ...] = NAMES


@dataclass
class Part:
    """One statement in a file, as its reader found it.

    `stated` is what the bank says about the number and sum of the entries. Only `complete`
    statements must agree; an intraday report needn't.
    """

    name: str
    account: str | None
    currency: str | None
    opening: Decimal | None = None
    closing: Decimal | None = None
    opening_date: date | None = None
    closing_date: date | None = None
    rows: list[Row] = field(default_factory=list)
    stated: dict[str, Decimal | int] = field(default_factory=dict)
    complete: bool = True
    breaks: list[str] = field(default_factory=list)

    def title(self) -> str:
        """How a sentence refers to it."""
        return f"statement {self.name} of account {self.account or 'unknown'}"


def row(**values: Value) -> dict[str, Value]:
    """A row with all columns in order."""
    given = {"status": "BOOK", "reversal": False, **values}
    return {name: given.pop(name, None) for name in NAMES}


def known(text: str | None) -> str | None:
    """A reference; None if it means "none"."""
    return None if text is None or text.strip() in _NO_REFERENCE else text.strip()


def statement(parts: list[Part], records: int, evidence: dict[str, Any]) -> Statement:
    """The file's rows, with what the balances of its parts prove."""
    rows = [row for part in parts for row in part.rows]
    breaks = [sentence for part in parts for sentence in _breaks(part)]
    breaks += _between(parts)
    if evidence.get("encoding") == "latin-1":
        breaks.append(
            "the text is neither utf-8 nor Windows-1252: letters other than a to z may be wrong"
        )
    if records != len(rows):
        breaks.append(f"the file has {records:,} entries by a scan of its text, read {len(rows):,}")
    found = {
        **evidence,
        "accounts": sorted({part.account for part in parts if part.account}),
        "statements": [_evidence(part) for part in parts],
    }
    return Statement(rows, records, found, breaks)


def _booked(part: Part) -> Decimal | None:
    """The sum of booked entries; None if some are in another currency than the statement."""
    total = Decimal(0)
    for _, values in part.rows:
        if values["status"] != "BOOK":
            continue
        if values["currency"] != part.currency:
            return None
        amount = values["amount"]
        total += amount if isinstance(amount, Decimal) else 0
    return total


def agrees(part: Part) -> bool | None:
    """Whether opening balance and sum give the closing balance; None if that can't be decided."""
    total = _booked(part)
    if total is None or part.opening is None or part.closing is None:
        return None
    return part.opening + total == part.closing


def _evidence(part: Part) -> dict[str, Any]:
    return {
        "statement": part.name,
        "account": part.account,
        "currency": part.currency,
        "opening_balance": part.opening,
        "opening_date": part.opening_date,
        "closing_balance": part.closing,
        "closing_date": part.closing_date,
        "rows": len(part.rows),
        "sum": _booked(part),
        "agrees": agrees(part),
    }


def _breaks(part: Part) -> Iterable[str]:
    yield from part.breaks
    total = _booked(part)
    if part.complete and agrees(part) is False and part.opening is not None and total is not None:
        first = f", from row {part.rows[0][0]:,}" if part.rows else ""
        yield (
            f"{part.title()}: opening balance {part.opening} and entries of {total} make "
            f"{part.opening + total}, its closing balance is {part.closing}{first}"
        )
    found: dict[str, Decimal | int | None] = {
        "entries": len(part.rows),
        "credits": _total(part, 1),
        "debits": _total(part, -1),
    }
    for what, expected in part.stated.items():
        if found[what] is not None and found[what] != expected:
            yield f"{part.title()}: the bank states {expected} of {what}, found {found[what]}"


def _total(part: Part, sign: int) -> Decimal:
    amounts = (values["amount"] for _, values in part.rows if values["status"] == "BOOK")
    return sum(
        (abs(a) for a in amounts if isinstance(a, Decimal) and a * sign > 0), start=Decimal(0)
    )


def _between(parts: list[Part]) -> Iterable[str]:
    """Statements that appear twice, or don't start where the previous one ended."""
    seen: dict[tuple[str | None, str | None], Part] = {}
    names: set[tuple[str | None, str, date | None, Decimal | None, int]] = set()
    for part in parts:
        mark = (part.account, part.name, part.closing_date, part.closing, len(part.rows))
        if part.name and mark in names and part.rows:
            yield f"{part.title()} is in the file more than once, again at row {part.rows[0][0]:,}"
            continue
        names.add(mark)
        before = seen.get((part.account, part.currency))
        if before is not None and before.complete and part.complete:
            yield from _gap(before, part)
        seen[part.account, part.currency] = part


def _gap(before: Part, part: Part) -> Iterable[str]:
    if before.closing is None or part.opening is None or before.closing == part.opening:
        return
    if before.opening == part.closing and before.opening is not None:
        return  # the file has the newest statement first
    first = f", from row {part.rows[0][0]:,}" if part.rows else ""
    yield (
        f"{part.title()} opens with {part.opening}, the one before it in the file "
        f"({before.name}) closed with {before.closing}{first}: one may be missing between them"
    )
