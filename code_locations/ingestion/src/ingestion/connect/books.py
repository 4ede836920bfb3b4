"""Which of the books' tables a file's columns can fill, judged by their names and types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestion.connect.columns import CLOCK
from ingestion.connect.questions import ConnectError, Question
from ingestion.files.profile import ColumnProfile

NO_TAX = "0"  # an answer, in place of a column
# What may follow an amount's name, as in `Netto in €` or `USt. 19 %`; `USt. %` is a rate.
_UNIT = r"(_in)?(_[a-z]{3})?(_\d+(_percent)?)?"
# The names of each of the books' facts, as patterns for column names.
WORDS = {
    "worked_on": r"(work(ed)?_?on|spent_?(date|on)|start_?date|date|day|datum|tag|arbeitstag|jour"
    r"|date_du_travail|日付|作業日)",
    "hours": r"(hours?(_decimal|_worked)?|stunden|std|h|dauer(_h)?|duration_(h|decimal)|zeit_h"
    r"|heures?|duree(_h)?|時間|作業時間)",
    "clock": r"(hours?|stunden|std|dauer|duration|zeit|arbeitszeit|time(_spent)?|heures?|duree"
    r"|時間|作業時間)",
    "minutes": r"(minutes?|minuten|min|dauer_min|分)",
    "project": r"(project(_name)?|projekt(name)?|auftrag|job|projet|mission|案件|プロジェクト)",
    "client": r"(client(_name)?|customer(_name)?|kunde(nname)?|company|firma|auftraggeber"
    r"|顧客(名)?|取引先)",
    "billable": r"(is_)?(billable|abrechenbar|fakturierbar|facturable|請求可)",
    "note": r"(description|note|notes|notiz|beschreibung|tatigkeit|bemerkung|task|kommentar"
    r"|commentaire|備考|内容)",
    "number": r"(invoice(_?(no|nr|number|id))?|rechnung(s?_?(nr|nummer))?|(re|beleg)_?(nr|nummer)"
    r"|(n|no|num|numero)_?(de_)?facture|facture|請求書番号)",
    "issued_on": r"(invoice_?date|issue(d)?(_?(on|date))?|rechnungsdatum|belegdatum|date|datum"
    r"|date_(de_)?facture|date_d_emission|請求日|発行日)",
    "due_on": r"(due(_?(on|date))?|fallig(_am|keit(sdatum)?)?|zahlbar_bis|zahlungsziel"
    r"|(date_d_)?echeance|支払期限)",
    "net": r"(net(_amount)?|netto(_?betrag)?|subtotal|betrag_netto|(montant|total)_ht|小計)"
    + _UNIT,
    "tax": r"(tax(_amount)?|vat(_amount)?|(mw|u)_?st|umsatzsteuer|steuer(betrag)?|(montant_)?tva"
    r"|消費税)" + _UNIT,
    "gross": r"(gross(_amount)?|brutto(_?betrag)?|betrag_brutto|(montant|total)_ttc)" + _UNIT,
    "currency": r"(currency|wahrung|whg|devise|通貨)",
}
_AMOUNT = re.compile(r"(amount|betrag|summe|total|montant|price|preis|金額|合計)" + _UNIT)
_DAYS = {"worked_on", "issued_on", "due_on"}
_NUMBERS = {"hours", "minutes", "net", "tax", "gross"}
_NEEDS = {
    "time_entries": (("worked_on",), ("hours", "minutes", "clock")),
    "invoices": (("number",), ("issued_on",), ("client",), ("net", "gross"), ("tax", "net+gross")),
}


@dataclass(frozen=True)
class BooksMapping:
    """Which column holds which of the books' facts, and the table that they fill."""

    target: str
    columns: Mapping[str, str]


def propose(columns: Sequence[ColumnProfile], said: Mapping[str, str], target: str) -> BooksMapping:
    """What the columns mean to the books; `said` overrides what their names suggest.

    `target` is time_entries, invoices, none, or "" to find out.
    """
    found = dict(said)
    for fact, words in WORDS.items():
        for column in columns:
            fits = _called(words, column) and _type_fits(fact, column.type)
            if fits and fact not in found and column.name not in found.values():
                found[fact] = column.name
    by_date = dict(found)
    if "worked_on" in found and "issued_on" not in found:
        by_date["issued_on"] = by_date.pop("worked_on")
    if target:
        return BooksMapping(target, by_date if target == "invoices" else found)
    if "worked_on" in found and found.keys() & {"hours", "minutes", "clock"}:
        return BooksMapping("time_entries", found)
    amounts = len(found.keys() & {"net", "gross", "tax"}) >= 2  # a single one may include tax
    if {"number", "issued_on", "client"} <= by_date.keys() and amounts:
        return BooksMapping("invoices", by_date)
    return BooksMapping("none", found)


def questions(
    mapping: BooksMapping, columns: Sequence[ColumnProfile], target: str
) -> list[Question]:
    """What the user must say before the rows can fill a table of the books; may be empty."""
    has = mapping.columns.keys()
    if not target and mapping.target == "none":
        money = has & {"net", "gross"} or any(
            _AMOUNT.fullmatch(c.name) and _type_fits("net", c.type) for c in columns
        )
        if money and {"number", "client"} <= has and has & {"issued_on", "worked_on"}:
            about = (
                "the rows may be invoices, whose net amount and tax the columns don't tell apart"
            )
            return [Question(about, "--as", ("invoices", "none"))]
    free = [c for c in columns if c.name not in mapping.columns.values()]
    found = []
    for facts in _NEEDS.get(mapping.target, ()):
        if any(has >= set(fact.split("+")) for fact in facts):
            continue
        fact = next((f for f in facts if any(_type_fits(f, c.type) for c in free)), facts[0])
        choices = tuple(c.header for c in free if _type_fits(fact, c.type))
        if fact == "tax":
            choices = (NO_TAX, *choices)
        if not choices:
            raise ConnectError(
                f"--as {mapping.target}",
                found=f"no column that can be its {' or '.join(facts)}",
                next_step="say --as none",
            )
        about = f"which column holds {fact} of the {mapping.target.replace('_', ' ')}?"
        found.append(Question(about, f"--column {fact}", choices))
    return found


def _called(words: str, column: ColumnProfile) -> bool:
    names = (column.name, column.header.strip())
    return any(re.fullmatch(words, name) is not None for name in names)


def _type_fits(fact: str, type_: str) -> bool:
    if fact in _DAYS:
        return type_ in ("DATE", "TIMESTAMP")
    if fact == "clock":
        return type_ == CLOCK
    if fact in _NUMBERS:
        return type_ == "BIGINT" or type_.startswith("DECIMAL")
    return True
