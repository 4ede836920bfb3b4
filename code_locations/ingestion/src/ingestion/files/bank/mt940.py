"""MT940: tags at the start of lines, one row for each :61: with the :86: after it."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import takewhile

from ingestion.files.bank.statement import Part, Statement, Value, agrees, known, row, statement
from ingestion.files.bank.text import day, decoded
from ingestion.files.errors import UnreadableFileError

_TAG = re.compile(r":(1[23][CD]?|2[01]|25P?|28C?|34F|6[02][FM]?|61|6[45]|86|90[CD]|NS):(.*)")
# A time of day in a purpose, wrapped before its minutes, looks like one of these tags.
_LIKE_MINUTES = {"12", "13", "20", "21", "25", "28"}
# SWIFT's header blocks, which precede the text of a message.
_BLOCKS = re.compile(r"^(?:-?\})?\{.*\{4:")
_RECORD = re.compile(r"^:61:", re.MULTILINE)
_AMOUNT = r"\d{1,20},\d{0,6}"
_BALANCE = re.compile(rf"([CD])(\d{{6}})([A-Z]{{3}})({_AMOUNT})", re.ASCII)
# Value date, booking date, mark, third letter of the currency, amount, type, references.
_ENTRY = re.compile(
    r"(?P<value_date>\d{6})(?P<booked>\d{4}| {4})?(?P<mark>R?[CD])[A-Z]? ?"
    r"(?P<amount>\d{1,20}(?:,\d{0,6})?)(?P<type>[A-Z][A-Z0-9 ]{3})?"
    r"(?P<references>[^\n]*)(?:\n(?P<extra>.*))?",
    re.ASCII | re.DOTALL,
)
_WITHOUT_COMMA = re.compile(r"\d{6}(?:\d{4}| {4})?R?[CD][A-Z]? ?\d+(?![\d,])", re.ASCII)
_SUBFIELD = re.compile(r"\?(\d{2})", re.ASCII)
_STRUCTURED = re.compile(r"(\d{3})(?=\?\d{2})", re.ASCII)
_KEYWORD = re.compile(
    r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|(?<![A-Za-z])IBAN|(?<![A-Za-z])BIC|PURP|MDAT"
    r"|SQTP|COAM|OAMT|ORCR|ORMR|DDAT)\+ ?"
)
_CERTAIN_DAYS = 180
_OPENING, _CLOSING = ("60F", "60M", "60"), ("62F", "62M", "62")
_MONEY_IN = {"C", "RD"}
_PURPOSE = (*range(20, 30), *range(60, 64))


@dataclass(frozen=True)
class _Field:
    line: int
    tag: str
    text: str


def read(content: bytes) -> Statement:
    """Every entry of every statement; one split into parts (60M, 62M) is returned part by part."""
    text, encoding = decoded(content)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    moved: list[int] = []
    parts = [_part(fields, moved) for fields in _messages(text)]
    if not parts:
        raise UnreadableFileError("it holds no statement: no line begins with :20:")
    evidence = {"kind": "mt940", "version": "MT940", "encoding": encoding}
    if moved:
        evidence["days_not_in_the_calendar"] = ", ".join(f"line {line:,}" for line in moved)
    return statement(parts, len(_RECORD.findall(text)), evidence)


def _messages(text: str) -> Iterator[list[_Field]]:
    """The fields of each message, which starts at :20:; text between messages is skipped."""
    fields: list[_Field] = []
    closed = ended = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = _BLOCKS.sub("", raw)
        match = _TAG.fullmatch(line)
        tag = match[1] if match is not None else ""
        if tag in _LIKE_MINUTES and fields and fields[-1].tag == "86" and not closed:
            match = None
        if match is None:
            ended = ended or (closed and line.startswith("-"))
            if fields and not ended and line.strip() not in ("", "-"):
                last = fields[-1]
                fields[-1] = _Field(last.line, last.tag, f"{last.text}\n{line}")
            continue
        if tag == "20":
            if fields:
                yield fields
            fields, closed, ended = [], False, False
        elif not fields:
            raise UnreadableFileError(f"line {number:,}: :{tag}: before any :20:")
        closed = closed or tag in _CLOSING
        fields.append(_Field(number, tag, match[2]))
    if fields:
        yield fields


def _part(fields: list[_Field], moved: list[int]) -> Part:
    first = fields[0].line
    for tags, name, what in ((_OPENING, ":60F:", "opening"), (_CLOSING, ":62F:", "closing")):
        count = sum(field.tag in tags for field in fields)
        if count != 1:
            why = (
                "it is an interim report (MT942); take the statement (MT940)"
                if any(field.tag == "34F" for field in fields)
                else "it is cut off or joined to another; download it once more"
            )
            raise UnreadableFileError(
                f"the statement at line {first:,} has {count} {what} balances ({name}), not one: "
                f"{why}"
            )
    texts = {field.tag: field.text.partition("\n")[0].strip() for field in reversed(fields)}
    number = texts.get("28C") or texts.get("28") or texts["20"]
    part = Part(number, texts.get("25") or texts.get("25P") or None, None)
    for field in fields:
        if field.tag in _OPENING:
            part.opening, part.opening_date = _balance(field, part)
        elif field.tag in _CLOSING:
            part.closing, part.closing_date = _balance(field, part)
    closed = False
    for position, field in enumerate(fields):
        closed = closed or field.tag in _CLOSING
        if field.tag == "61":
            if closed:
                raise UnreadableFileError(
                    f"line {field.line:,}: an entry after the closing balance"
                )
            after = takewhile(lambda other: other.tag == "86", fields[position + 1 :])
            details = "\n".join(other.text for other in after)
            part.rows.append((field.line, _row(field, details, part, moved)))
    _refuse_amounts_without_comma(fields, part)
    return part


def _refuse_amounts_without_comma(fields: list[_Field], part: Part) -> None:
    """Refuse amounts without the mandatory comma, unless the balances agree with them."""
    bare = [f for f in fields if f.tag == "61" and _WITHOUT_COMMA.match(f.text)]
    if bare and not agrees(part):
        raise UnreadableFileError(
            f"line {bare[0].line:,}: the amount in {bare[0].text[:40]!r} has no comma, and with it "
            "as a whole number the balances don't agree"
        )


def _balance(field: _Field, part: Part) -> tuple[Decimal, date]:
    where = f"line {field.line:,}"
    text = field.text.partition("\n")[0].strip()
    match = _BALANCE.fullmatch(text)
    if match is None:
        raise UnreadableFileError(f"{where}: {text!r} is no balance such as C260131EUR1234,56")
    mark, on, currency, amount = match.groups()
    if part.currency not in (None, currency):
        raise UnreadableFileError(f"{where}: a balance in {currency} beside one in {part.currency}")
    part.currency = currency
    value = _decimal(amount)
    return (value if mark == "C" else -value), _day(on, where, field.line, [])


def _row(field: _Field, details: str, part: Part, moved: list[int]) -> dict[str, Value]:
    where = f"line {field.line:,}"
    text = field.text.strip()
    match = _ENTRY.fullmatch(text)
    if match is None or (match["type"] is None and match["references"].strip()):
        raise UnreadableFileError(
            f"{where}: {text[:40]!r} is no entry such as 2601310131D12,50NTRFNONREF"
        )
    mark = match["mark"]
    on = _day(match["value_date"], where, field.line, moved)
    own, _, bank = match["references"].partition("//")
    fields = _details(details)
    value = _decimal(match["amount"])
    return row(
        account=part.account,
        statement=part.name,
        booking_date=_booking_date(on, match["booked"], where) or on,
        value_date=on,
        amount=value if mark in _MONEY_IN else -value,
        currency=part.currency,
        counterparty=fields.get("name"),
        counterparty_account=fields.get("account"),
        purpose=fields.get("purpose") or (match["extra"] or "").strip() or None,
        end_to_end_reference=known(fields.get("EREF")),
        mandate_reference=known(fields.get("MREF")),
        reference=known(fields.get("KREF") or own),
        bank_reference=known(bank),
        transaction_code="-".join(
            t for t in ((match["type"] or "").strip(), fields.get("code")) if t
        )
        or None,
        reversal=mark.startswith("R"),
    )


def _details(text: str) -> dict[str, str]:
    """The parts of an :86: by name; the purpose's pieces are joined as the bank split it."""
    joined = text.replace("\n", "")
    code = _STRUCTURED.match(joined)
    if code is None:
        return _keywords(text)
    pieces = _SUBFIELD.split(joined[len(code[0]) :])
    found: dict[str, str] = {"code": code[1]}
    purpose, names = [], []
    for number, piece in zip(map(int, pieces[1::2]), pieces[2::2], strict=True):
        if number in _PURPOSE:
            purpose.append(piece)
        elif number in (32, 33):
            names.append(piece)
        elif number == 31:
            found["account"] = piece.strip()
    found["name"] = "".join(names).strip()
    found.update(_keywords("".join(purpose)))
    found["account"] = found.get("account") or found.get("IBAN", "")
    return {name: value for name, value in found.items() if value}


def _keywords(purpose: str) -> dict[str, str]:
    """References such as EREF+ in a purpose, and the purpose itself: the text of SVWZ+, or all."""
    purpose = " ".join(purpose.split())
    pieces = _KEYWORD.split(purpose)
    found: dict[str, str] = {}
    for keyword, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found[keyword] = f"{found.get(keyword, '')} {value}".strip()
    free = " ".join(t for t in (pieces[0].strip(), found.get("SVWZ", "")) if t)
    return {**found, "purpose": free or purpose}


def _booking_date(value_date: date, booked: str | None, where: str) -> date | None:
    """The booking date, with the year that puts it nearest to the value date."""
    if booked is None or not booked.strip():
        return None
    month, day_ = int(booked[:2]), int(booked[2:])
    found = []
    for year in (value_date.year - 1, value_date.year, value_date.year + 1):
        last = calendar.monthrange(year, month)[1] if 1 <= month <= 12 else 0
        if 1 <= day_ <= last:
            found.append(date(year, month, day_))
    if not found:
        raise UnreadableFileError(f"{where}: there is no day {booked[2:]} of month {booked[:2]}")
    nearest = min(found, key=lambda on: abs(on - value_date))
    if abs(nearest - value_date).days > _CERTAIN_DAYS:
        raise UnreadableFileError(f"{where}: the year of the booking {booked} isn't certain")
    return nearest


def _day(text: str, where: str, line: int, moved: list[int]) -> date:
    """YYMMDD. For interest, banks give February 30 days: these become its last day."""
    year, month, day_ = 2000 + int(text[:2]), int(text[2:4]), int(text[4:])
    if month == 2 and day_ in (29, 30) and day_ > calendar.monthrange(year, 2)[1]:
        moved.append(line)
        day_ = calendar.monthrange(year, 2)[1]
    return day(year, month, day_, where)


def _decimal(text: str) -> Decimal:
    return Decimal(text.rstrip(",").replace(",", "."))
