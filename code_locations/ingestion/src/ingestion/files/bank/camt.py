"""CAMT.052, 053 and 054, every version: elements by local name, one row for each entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from ingestion.files.bank.statement import Part, Statement, Value, known, row, statement
from ingestion.files.bank.text import day, decoded, unsigned
from ingestion.files.errors import UnreadableFileError

if TYPE_CHECKING:
    from collections.abc import Callable

_VERSION = re.compile(r"camt\.05[234]\.\d{3}\.\d{2}")
_ENTRY = re.compile(r"<(?:[\w.-]+:)?Ntry[\s>/]")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:T[\d:.,]+)?(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_REPORTS = {"Stmt": "camt.053", "Rpt": "camt.052", "Ntfctn": "camt.054"}
_SIGNS = {"CRDT": 1, "DBIT": -1}
_Side = tuple[str | None, str | None]
_STATES = ("BOOK", "PDNG", "INFO", "FUTR")
_OPENING, _CLOSING, _INTERIM = ("OPBD", "PRCD"), ("CLBD",), "ITBD"


def read(content: bytes) -> Statement:
    """Every entry of every statement, report or notification."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(content, forbid_dtd=True)
    except ParseError as error:
        line, column = error.position
        raise UnreadableFileError(
            f"line {line:,}, column {column + 1:,}: it is no complete XML ({error}); "
            "download it once more"
        ) from error
    except (DefusedXmlException, LookupError, ValueError) as error:
        raise UnreadableFileError(f"its XML is none of a statement ({error})") from error
    reports = [(name, found) for name in _REPORTS for found in root.iter() if _local(found) == name]
    if not reports:
        raise UnreadableFileError("it holds no statement (Stmt, Rpt or Ntfctn)")
    version = _VERSION.search(root.tag)
    parts: list[Part] = []
    rows = 0
    for kind, report in reports:
        part = _part(report, kind, rows)
        rows += len(part.rows)
        parts.append(part)
    text, encoding = decoded(content)
    evidence = {
        "kind": "camt",
        "version": version[0] if version else _REPORTS[reports[0][0]],
        "encoding": encoding,
    }
    return statement(parts, len(_ENTRY.findall(_COMMENT.sub("", text))), evidence)


def _part(report: Element, kind: str, rows: int) -> Part:
    iban = _text(report, "Acct/Id/IBAN")
    number = _text(report, "Acct/Id/Othr/Id")
    name = _text(report, "Id") or str(rows + 1)
    part = Part(name, iban or number, _text(report, "Acct/Ccy"))
    _balances(report, part)
    entries = _all(report, "Ntry")
    if part.currency is None and entries:
        amount = _first(entries[0], "Amt")
        part.currency = None if amount is None else amount.get("Ccy")
    for ordinal, entry in enumerate(entries, rows + 1):
        part.rows.append((ordinal, _row(entry, part, f"statement {name}, entry {ordinal:,}")))
    part.complete = kind == "Stmt"
    pages = _text(report, "StmtPgntn/PgNb"), _text(report, "StmtPgntn/LastPgInd")
    whole = pages[0] is None or (pages[0].lstrip("0") == "1" and pages[1] == "true")
    if whole and all(values["status"] == "BOOK" for _, values in part.rows):
        part.stated = _stated(report, name)
    return part


def _balances(report: Element, part: Part) -> None:
    found: list[tuple[str, Decimal, date | None]] = []
    for balance in _all(report, "Bal"):
        code = _text(balance, "Tp/CdOrPrtry/Cd") or _text(balance, "Tp/Cd") or ""
        where = f"statement {part.name}, balance {code}"
        amount = _signed(balance, where)
        element = _first(balance, "Amt")
        part.currency = part.currency or (None if element is None else element.get("Ccy"))
        found.append((code, amount, _date(balance, "Dt", where)))
    for code, amount, on in found:
        if code in _OPENING and (part.opening is None or code == "OPBD"):
            part.opening, part.opening_date = amount, on
        elif code in _CLOSING:
            part.closing, part.closing_date = amount, on
    interim = [(amount, on) for code, amount, on in found if code == _INTERIM]
    if part.opening is None and interim and (part.closing is not None or len(interim) > 1):
        part.opening, part.opening_date = interim.pop(0)
    if part.closing is None and interim:
        part.closing, part.closing_date = interim[-1]


def _stated(report: Element, name: str) -> dict[str, Decimal | int]:
    stated: dict[str, Decimal | int] = {}
    where = f"statement {name}, summary"
    if count := _text(report, "TxsSummry/TtlNtries/NbOfNtries"):
        stated["entries"] = int(unsigned(count, where))
    for what, path in (("credits", "TtlCdtNtries"), ("debits", "TtlDbtNtries")):
        if total := _text(report, f"TxsSummry/{path}/Sum"):
            stated[what] = unsigned(total, where)
    return stated


def _row(entry: Element, part: Part, where: str) -> dict[str, Value]:
    amount = _signed(entry, where)
    found = _first(entry, "Amt")
    currency = None if found is None else found.get("Ccy")
    if not currency:
        raise UnreadableFileError(f"{where} has no currency")
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts") or "BOOK"
    if status not in _STATES:
        raise UnreadableFileError(f"{where}: {status!r} is no status; known: {', '.join(_STATES)}")
    reversal = _text(entry, "RvslInd") in ("true", "1")
    payments = [found for details in _all(entry, "NtryDtls") for found in _all(details, "TxDtls")]
    part.breaks += _batch_breaks(entry, payments, amount, currency, where)

    def shared(value: Callable[[Element], str | None]) -> str | None:
        values = {value(payment) for payment in payments}
        return values.pop() if len(values) == 1 else None

    return row(
        account=part.account,
        statement=part.name,
        booking_date=_date(entry, "BookgDt", where),
        value_date=_date(entry, "ValDt", where),
        amount=amount,
        currency=currency,
        counterparty=shared(lambda p: _party(p, amount, reversal, part.account)[0]),
        counterparty_account=shared(lambda p: _party(p, amount, reversal, part.account)[1]),
        purpose=shared(_purpose) or _joined(_all(entry, "AddtlNtryInf")),
        end_to_end_reference=shared(lambda p: known(_text(p, "Refs/EndToEndId"))),
        mandate_reference=shared(lambda p: known(_text(p, "Refs/MndtId"))),
        reference=shared(_creditor_reference),
        bank_reference=known(_text(entry, "AcctSvcrRef"))
        or shared(lambda p: known(_text(p, "Refs/AcctSvcrRef"))),
        transaction_code=_code(entry) or shared(_code),
        batch_count=_batch_count(entry, len(payments), where),
        status="PDNG" if status == "FUTR" else status,
        reversal=reversal,
    )


def _batch_count(entry: Element, payments: int, where: str) -> int:
    stated = [text for d in _all(entry, "NtryDtls") if (text := _text(d, "Btch/NbOfTxs"))]
    if stated:
        return sum(int(unsigned(text, where)) for text in stated)
    return max(1, payments)


def _batch_breaks(
    entry: Element, payments: list[Element], amount: Decimal, currency: str, where: str
) -> list[str]:
    """A break if a batch's parts all have an amount in its currency and don't add up to its own."""
    stated = _text(entry, "NtryDtls/Btch/NbOfTxs")
    if len(payments) < 2 or (stated or str(len(payments))) != str(len(payments)):
        return []  # no parts, or not all of them are in the file
    own = "CRDT" if amount > 0 else "DBIT"
    total = Decimal(0)
    for payment in payments:
        found = _first(payment, "Amt")
        if found is None:
            found = _first(payment, "AmtDtls/TxAmt/Amt")
        if found is None or found.get("Ccy") != currency:
            return []
        sign = _SIGNS.get(_text(payment, "CdtDbtInd") or own, 1)
        total += sign * unsigned((found.text or "").strip(), where)
    if total == amount:
        return []
    return [f"{where}: its {len(payments)} parts make {total}, it says {amount}"]


def _party(payment: Element, amount: Decimal, reversal: bool, own: str | None) -> _Side:
    """The other side. In a reversal, most banks keep the roles of the reversed payment."""
    incoming = (amount > 0) != reversal
    roles = ("Dbtr", "Cdtr") if incoming else ("Cdtr", "Dbtr")
    first, second = (_side(payment, role) for role in roles)
    is_own = own is not None and first[1] == own
    return second if is_own or (reversal and first == (None, None)) else first


def _side(payment: Element, role: str) -> _Side:
    """The name and account."""
    base = f"RltdPties/{role}"
    name = _text(payment, f"{base}/Nm") or _text(payment, f"{base}/Pty/Nm")
    ultimate = f"RltdPties/Ultmt{role}"
    name = name or _text(payment, f"{ultimate}/Nm") or _text(payment, f"{ultimate}/Pty/Nm")
    account = _text(payment, f"{base}Acct/Id/IBAN") or _text(payment, f"{base}Acct/Id/Othr/Id")
    return name, account


def _purpose(payment: Element) -> str | None:
    free = _joined(_all(payment, "RmtInf/Ustrd"))
    return (
        free
        or _joined(_all(payment, "RmtInf/Strd/AddtlRmtInf"))
        or _joined(_all(payment, "AddtlTxInf"))
    )


def _creditor_reference(payment: Element) -> str | None:
    return known(_text(payment, "RmtInf/Strd/CdtrRefInf/Ref"))


def _code(element: Element) -> str | None:
    parts = ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")
    domain = [text for p in parts if (text := _text(element, f"BkTxCd/Domn/{p}"))]
    return "-".join(domain) or _text(element, "BkTxCd/Prtry/Cd")


def _signed(element: Element, where: str) -> Decimal:
    amount = unsigned(_text(element, "Amt"), where)
    indicator = _text(element, "CdtDbtInd")
    if indicator not in _SIGNS:
        raise UnreadableFileError(f"{where}: {indicator!r} is neither CRDT nor DBIT")
    return amount if indicator == "CRDT" else -amount


def _date(element: Element, name: str, where: str) -> date | None:
    """The day as written: a time zone doesn't move it."""
    text = _text(element, f"{name}/Dt") or _text(element, f"{name}/DtTm")
    if text is None:
        return None
    match = _DATE.fullmatch(text)
    if match is None:
        raise UnreadableFileError(f"{where}: {text!r} in {name} is no date")
    return day(int(match[1]), int(match[2]), int(match[3]), where)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _walk(element: Element, names: list[str]) -> Iterator[Element]:
    for child in element:
        if isinstance(child.tag, str) and _local(child) == names[0]:
            if len(names) == 1:
                yield child
            else:
                yield from _walk(child, names[1:])


def _all(element: Element, path: str) -> list[Element]:
    return list(_walk(element, path.split("/")))


def _first(element: Element, path: str) -> Element | None:
    return next(_walk(element, path.split("/")), None)


def _text(element: Element, path: str) -> str | None:
    """The first non-blank text at a path."""
    return next((t for e in _walk(element, path.split("/")) if (t := (e.text or "").strip())), None)


def _joined(elements: list[Element]) -> str | None:
    return " ".join(text for e in elements if (text := (e.text or "").strip())) or None
