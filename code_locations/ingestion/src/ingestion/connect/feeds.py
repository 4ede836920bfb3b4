"""What a file's rows add to the books' tables, as SQL for its declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingestion.connect.books import NO_TAX, BooksMapping
from ingestion.connect.words import quoted
from ingestion.layouts import Feed


def feeds_of(mapping: BooksMapping, currency: str, rate: str = "") -> dict[str, Feed]:
    """The feeds of a mapping, if any. Without an hourly `rate`, projects have a fixed fee."""
    has = {f: name if name == NO_TAX else quoted(name) for f, name in mapping.columns.items()}
    if mapping.target == "none":
        return {}

    def id_(kind: str, *facts: str) -> str:
        texts = [f"cast({has[fact]} as varchar)" for fact in facts]
        if kind == "project":
            return f"project_key({texts[0] if len(texts) > 1 else 'null'}, {texts[-1]})"
        return f"{kind}_key({texts[0]})"

    money = (
        f"upper({has['currency']})"
        if "currency" in has
        else f"'{currency}'"
        if currency
        else "null"
    )
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
    if "minutes" in has or "hours" in has:
        minutes = has.get("minutes") or f"round({has['hours']} * 60)"
    else:
        minutes = f"clock_minutes({has['clock']})"
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
