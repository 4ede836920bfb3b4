"""OFX 1.x (SGML, unclosed tags) and 2.x (XML): one row per STMTTRN of an account or card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ingestion.files.bank.statement import Part, Statement, Value, known, row, statement
from ingestion.files.bank.text import day, decoded
from ingestion.files.errors import UnreadableFileError

# A tag, literal text, or a declaration.
_TOKEN = re.compile(
    r"<(/?)([A-Za-z][\w.-]*)((?:[\s/][^<>]*)?)>|<!\[CDATA\[(.*?)\]\]>|<[?!][^>]*>", re.DOTALL
)
_LINES = re.compile(r"\s*\n\s*")
_RECORD = re.compile(r"<STMTTRNP?>", re.IGNORECASE)
_BEGIN = re.compile(r"<OFX[\s>]", re.IGNORECASE)
_VERSION = re.compile(r"\bVERSION\s*[:=]\s*\"?(\d{3})", re.IGNORECASE)
_REFERENCE = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_DATE = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d+)?)?)?)?\s*(?:\[[^\]]*\])?", re.ASCII
)
_POINT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
_MAYBE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}", re.ASCII)
_COMMA = re.compile(r"[+-]?\d*,\d{1,2}", re.ASCII)
_COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d{1,2}", re.ASCII)
_POINT_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d{1,2}", re.ASCII)
_STATEMENTS = {"STMTRS", "CCSTMTRS"}
_OTHERS = {
    "INVSTMTRS": "an investment statement",
    "LOANSTMTRS": "a loan's statement",
    "AMRTSTMTRS": "a loan's statement",
}
_ENTRIES = {"STMTTRN", "STMTTRNP"}
# Elements that contain others, within or around entries; all others are values.
_GROUPS = {
    *_STATEMENTS,
    *_ENTRIES,
    "BANKACCTFROM",
    "CCACCTFROM",
    "BANKTRANLIST",
    "BANKTRANLISTP",
    "LEDGERBAL",
    "AVAILBAL",
    "PAYEE",
    "BANKACCTTO",
    "CCACCTTO",
    "CURRENCY",
    "ORIGCURRENCY",
}
_WITHIN = {
    "STMTRS": {""},
    "CCSTMTRS": {""},
    "STMTTRN": {"BANKTRANLIST"},
    "STMTTRNP": {"BANKTRANLISTP"},
}
# In other currencies, three digits after a point may be thousands.
_THREE_DECIMALS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}


@dataclass
class _Group:
    """An element that contains others; `values` are the texts of those that don't."""

    name: str
    line: int
    values: dict[str, str] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)

    def of(self, *names: str) -> list[_Group]:
        return [group for group in self.groups if group.name in names]

    def value(self, *names: str) -> str | None:
        return next((self.values[name] for name in names if name in self.values), None)

    def add(self, name: str, value: str) -> None:
        if name not in self.values:
            self.values[name] = value
        elif name == "MEMO":
            self.values[name] += f" {value}"


def read(content: bytes) -> Statement:
    """Every transaction of every bank and card statement."""
    text, encoding = decoded(content)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _statements(text)
    if not found:
        raise UnreadableFileError("it holds no statement of a bank account or a card")
    comma = any(
        _COMMA.fullmatch(entry.values.get("TRNAMT", ""))
        for group in found
        for entry in _entries(group)
    )
    header = _VERSION.search(_BEGIN.split(text, maxsplit=1)[0])
    evidence = {
        "kind": "ofx",
        "version": header[1] if header else "without a header",
        "encoding": encoding,
    }
    parts = [_part(group, comma) for group in found]
    return statement(parts, len(_RECORD.findall(text)), evidence)


def _statements(text: str) -> list[_Group]:
    """The statements in the text. Refuses unclosed ones."""
    found: list[_Group] = []
    open_groups: list[_Group] = []
    begun = ended = False
    for line, closing, name, value in _elements(text):
        begun, ended = begun or name == "OFX", ended or (closing and name == "OFX")
        if kind := _OTHERS.get(name):
            raise UnreadableFileError(
                f"line {line:,}: it is {kind} ({name}); only those of bank accounts and cards are "
                "read"
            )
        if not open_groups and name not in _STATEMENTS:
            continue
        last = open_groups[-1].name if open_groups else ""
        if closing and name in _GROUPS:
            if last != name:
                raise UnreadableFileError(
                    f"line {line:,}: </{name}> where <{last or 'OFX'}> is open; "
                    "download it once more"
                )
            open_groups.pop()
        elif name in _GROUPS:
            if last not in _WITHIN.get(name, {last}):
                raise UnreadableFileError(
                    f"line {line:,}: <{name}> before </{last}>; download it once more"
                )
            group = _Group(name, line)
            (open_groups[-1].groups if open_groups else found).append(group)
            open_groups.append(group)
        elif not closing and value:
            open_groups[-1].add(name, value)
    if open_groups or not (begun and ended):
        what = open_groups[-1].name if open_groups else "OFX"
        raise UnreadableFileError(f"it is cut off: <{what}> isn't closed; download it once more")
    return found


def _elements(text: str) -> Iterator[tuple[int, bool, str, str]]:
    """Line, whether it is a closing tag, name and text of each tag."""
    line, counted = 1, 0
    at, end = None, 0
    pieces: list[str] = []
    for token in _TOKEN.finditer(text):
        pieces.append(_unescaped(text[end : token.start()]))
        end = token.end()
        if token[2] is None or token[3].endswith("/"):
            pieces.append(token[4] or "")
            continue
        if at is not None:
            yield line, bool(at[1]), at[2].upper(), _LINES.sub(" ", "".join(pieces)).strip()
        line += text.count("\n", counted, token.start())
        at, counted, pieces = token, token.start(), []
    if at is not None:
        yield line, bool(at[1]), at[2].upper(), _LINES.sub(" ", "".join(pieces)).strip()


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        name = match[1]
        if not name.startswith("#"):
            return _CHARACTERS[name]
        number = int(name[2:], 16) if name[1] == "x" else int(name[1:])
        return chr(number) if 31 < number < 0x110000 else match[0]

    return _REFERENCE.sub(character, text) if "&" in text else text


def _entries(group: _Group) -> list[_Group]:
    return [entry for part in group.of("BANKTRANLIST", "BANKTRANLISTP") for entry in part.groups]


def _part(group: _Group, comma: bool) -> Part:
    currency = group.value("CURDEF")
    if not currency:
        raise UnreadableFileError(f"line {group.line:,}: the statement has no currency (CURDEF)")
    account = next((g.value("ACCTID") for g in group.of("BANKACCTFROM", "CCACCTFROM")), None)
    if account is None:
        raise UnreadableFileError(f"line {group.line:,}: the statement has no account (ACCTID)")
    lists = group.of("BANKTRANLIST")
    period = [lists[0].value(name) for name in ("DTSTART", "DTEND")] if lists else []
    days = [_day(text, f"line {lists[0].line:,}") for text in period if text]
    part = Part(" to ".join(map(str, days)), account, currency)
    balances = group.of("LEDGERBAL")
    if balances and (balance := balances[0].value("BALAMT")):
        where = f"line {balances[0].line:,}, LEDGERBAL"
        part.closing = _amount(balance, where, currency, comma)
        if on := balances[0].value("DTASOF"):
            part.closing_date = _day(on, where)
    part.rows = [(entry.line, _row(entry, part, comma)) for entry in _entries(group)]
    turned = [
        line
        for (line, values), entry in zip(part.rows, _entries(group), strict=True)
        if isinstance(values["amount"], Decimal)
        and entry.value("TRNTYPE") in ("DEBIT", "FEE", "PAYMENT", "ATM", "POS")
        and values["amount"] > 0
    ]
    if turned:
        part.breaks.append(
            f"{part.title()}: {len(turned):,} entries of a kind that takes money out have a "
            f"positive amount, the first at line {turned[0]:,}"
        )
    return part


def _row(entry: _Group, part: Part, comma: bool) -> dict[str, Value]:
    where = f"line {entry.line:,}, {entry.name}"
    posted = entry.value("DTPOSTED", "DTTRAN")
    if posted is None:
        raise UnreadableFileError(f"{where} has no date (DTPOSTED)")
    if action := entry.value("CORRECTACTION"):
        part.breaks.append(
            f"{part.title()}: the entry at line {entry.line:,} is to {action.lower()} "
            f"the one with FITID {entry.value('CORRECTFITID')}"
        )
    available = entry.value("DTAVAIL")
    # CURRENCY is the currency of the amount; ORIGCURRENCY, the one it was converted from.
    other = next((group.value("CURSYM") for group in entry.of("CURRENCY")), None)
    payee = next(iter(entry.of("PAYEE")), None)
    to = next(iter(entry.of("BANKACCTTO", "CCACCTTO")), None)
    currency = other or part.currency or ""
    name = entry.value("NAME") or (payee.value("NAME") if payee else None)
    return row(
        account=part.account,
        statement=part.name or None,
        booking_date=_day(posted, where),
        value_date=_day(available, where) if available else None,
        amount=_amount(entry.value("TRNAMT"), where, currency, comma),
        currency=currency,
        counterparty=" ".join(t for t in (name, entry.value("EXTDNAME")) if t) or None,
        counterparty_account=to.value("ACCTID") if to else None,
        purpose=entry.value("MEMO"),
        reference=known(entry.value("CHECKNUM", "REFNUM")),
        bank_reference=known(entry.value("FITID")),
        transaction_code=entry.value("TRNTYPE"),
        status="PDNG" if entry.name == "STMTTRNP" else "BOOK",
    )


def _day(text: str, where: str) -> date:
    """The day as the bank wrote it: its UTC offset doesn't move it."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise UnreadableFileError(f"{where}: {text!r} is no date such as 20260131")
    return day(int(match[1]), int(match[2]), int(match[3]), where)


def _amount(text: str | None, where: str, currency: str, comma: bool) -> Decimal:
    """An amount with one mark, or with two, the last being the decimal mark.

    `comma`: other amounts in the file have a decimal comma. Refuses what may be thousands.
    """
    if not text:
        raise UnreadableFileError(f"{where} has no amount")
    certain = currency in _THREE_DECIMALS and not comma
    if _POINT.fullmatch(text) and (certain or not _MAYBE_THOUSANDS.fullmatch(text)):
        return Decimal(text)
    if _COMMA.fullmatch(text):
        return Decimal(text.replace(",", "."))
    if _COMMA_THOUSANDS.fullmatch(text):
        return Decimal(text.replace(",", ""))
    if _POINT_THOUSANDS.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    raise UnreadableFileError(f"{where}: what {text!r} is as an amount isn't certain")
