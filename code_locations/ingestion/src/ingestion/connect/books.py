"""Which of the books' tables a file's columns can fill, by their names and proven types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingestion.files.profile import ColumnProfile
from ingestion.layouts import Feed

# What each of the books' facts is called, as patterns of a column's name.
WORDS = {
    "worked_on": r"(work(ed)?_?on|spent_?(date|on)|start_?date|date|day|datum|tag|arbeitstag)",
    "hours": r"(hours?(_decimal)?|stunden|std|h|dauer(_h)?|duration_(h|decimal)|zeit_h)",
    "minutes": r"(minutes?|minuten|min|dauer_min)",
    "project": r"(project(_name)?|projekt(name)?|auftrag|job)",
    "client": r"(client(_name)?|customer(_name)?|kunde(nname)?|company|firma|auftraggeber)",
    "billable": r"(is_)?(billable|abrechenbar|fakturierbar)",
    "note": r"(description|note|notes|notiz|beschreibung|tatigkeit|bemerkung|task|kommentar)",
    "number": r"(invoice(_?(no|nr|number|id))?|rechnung(s?_?(nr|nummer))?|(re|beleg)_?(nr|nummer))",
    "issued_on": r"(invoice_?date|issue(d)?(_?(on|date))?|rechnungsdatum|belegdatum|date|datum)",
    "due_on": r"(due(_?(on|date))?|fallig(_am|keit(sdatum)?)?|zahlbar_bis|zahlungsziel)",
    "net": r"(net(_amount)?|netto(_?betrag)?|subtotal|betrag_netto)(_[a-z]{3})?",
    "tax": r"(tax(_amount)?|vat(_amount)?|(mw|u)_?st|umsatzsteuer|steuer(betrag)?)(_[a-z]{3})?",
    "gross": r"(gross(_amount)?|brutto(_?betrag)?|betrag_brutto)(_[a-z]{3})?",
    "currency": r"(currency|wahrung|whg)",
}
_DAYS = {"worked_on", "issued_on", "due_on"}
_NUMBERS = {"hours", "minutes", "net", "tax", "gross"}


@dataclass(frozen=True)
class BooksMapping:
    """Which column holds which of the books' facts, and the table that they fill."""

    target: str
    columns: Mapping[str, str]


def propose(columns: Sequence[ColumnProfile], said: Mapping[str, str], target: str) -> BooksMapping:
    """What the columns are for the books; `said` beats what their names suggest.

    `target` is time_entries, invoices, none, or "" to find out.
    """
    found = dict(said)
    for fact, words in WORDS.items():
        for column in columns:
            fits = re.fullmatch(words, column.name) is not None and _type_fits(fact, column.type)
            if fits and fact not in found and column.name not in found.values():
                found[fact] = column.name
    has = found.keys()
    if target:
        return BooksMapping(target, found)
    if "worked_on" in has and has & {"hours", "minutes"}:
        return BooksMapping("time_entries", found)
    by_date = dict(found)
    if "worked_on" in has and "issued_on" not in has:
        by_date["issued_on"] = by_date.pop("worked_on")
    amounts = len(has & {"net", "gross", "tax"}) >= 2  # one alone may be with tax, or without
    if {"number", "issued_on", "client"} <= by_date.keys() and amounts:
        return BooksMapping("invoices", by_date)
    return BooksMapping("none", found)


def _type_fits(fact: str, type_: str) -> bool:
    if fact in _DAYS:
        return type_ in ("DATE", "TIMESTAMP")
    if fact in _NUMBERS:
        return type_ == "BIGINT" or type_.startswith("DECIMAL")
    return True


def feeds_of(mapping: BooksMapping, currency: str, rate: str = "") -> dict[str, Feed]:
    """The feeds of a mapping; {} for none. Without an hour's `rate`, projects have a fixed fee."""
    has = mapping.columns
    if mapping.target == "none":
        return {}

    def id_(kind: str, *facts: str) -> str:
        texts = [f"cast({has[fact]} as varchar)" for fact in facts]
        if kind == "project":
            return f"project_key({texts[0] if len(texts) > 1 else 'null'}, {texts[-1]})"
        return f"{kind}_key({texts[0]})"

    money = f"upper({has['currency']})" if "currency" in has else f"'{currency}'"
    feeds: dict[str, Feed] = {}
    client = "client" if "client" in has else "project" if "project" in has else None
    if client:
        feeds["clients"] = Feed(
            where=f"{has[client]} is not null",
            columns={
                "client_id": id_("client", client),
                "name": has[client],
                "currency": money,
                "updated_at": "file_time",
            },
        )
    make: dict[str, Callable[[], dict[str, Feed]]] = {
        "time_entries": lambda: _time(has, id_, client, rate),
        "invoices": lambda: _invoices(has, id_, money),
    }
    return feeds | make[mapping.target]()


def _time(
    has: Mapping[str, str], id_: Callable[..., str], client: str | None, rate: str
) -> dict[str, Feed]:
    feeds: dict[str, Feed] = {}
    project = "null"
    if "project" in has and client:
        facts = [fact for fact in ("client", "project") if fact in has]
        project = f"case when {has['project']} is not null then {id_('project', *facts)} end"
        feeds["projects"] = Feed(
            where=f"{has['project']} is not null",
            columns={
                "project_id": id_("project", *facts),
                "client_id": id_("client", client),
                "name": has["project"],
                "billing": "'hourly'" if rate else "'fixed'",
                "hourly_rate": rate or "null",
                "updated_at": "file_time",
            },
        )
    minutes = has.get("minutes") or f"round({has['hours']} * 60)"
    feeds["time_entries"] = Feed(
        where=f"{has['worked_on']} is not null and {minutes} > 0",
        columns={
            "time_entry_id": "entry_key(_row_key)",
            "project_id": project,
            "worked_on": f"cast({has['worked_on']} as date)",
            "minutes": minutes,
            "billable": _yes(has["billable"]) if "billable" in has else "true",
            "note": has.get("note", "null"),
            "updated_at": "file_time",
        },
    )
    return feeds


def _yes(column: str) -> str:
    return f"lower(cast({column} as varchar)) in ('yes', 'true', 'ja', 'y', 'j', '1', 'x')"


def _invoices(has: Mapping[str, str], id_: Callable[..., str], money: str) -> dict[str, Feed]:
    both = {"net", "gross"} <= has.keys()
    tax = has.get("tax") or (f"{has['gross']} - {has['net']}" if both else "null")
    net = has.get("net") or f"{has['gross']} - {tax}"
    due = f"cast({has['due_on']} as date)" if "due_on" in has else "null"
    issued = f"cast({has['issued_on']} as date)"
    return {
        "invoices": Feed(
            where=f"{has['number']} is not null and {net} >= 0",
            columns={
                "invoice_id": id_("invoice", "number"),
                "number": f"cast({has['number']} as varchar)",
                "client_id": id_("client", "client"),
                "kind": "'invoice'",
                "issued_on": issued,
                "due_on": f"coalesce({due}, {issued})",
                "currency": money,
                "net_amount": net,
                "tax_amount": tax,
                "updated_at": "file_time",
            },
        )
    }
