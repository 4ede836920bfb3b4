"""What a layout may say."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from ingestion.files.currencies import CODES
from ingestion.files.names import column_name, column_names, header_keys
from ingestion.files.rules import AmountRule, ColumnKind, ColumnRule, DerivedRule, ReadingRules
from ingestion.files.table_rows import ROW_KEY
from stack.declarations import Declaration

# The columns by which a model combines the tables of all banks.
UNIFORM: dict[str, ColumnKind] = {
    "booking_day": "date",
    "amount_signed": "decimal",
    "currency": "text",
    "counterparty": "text",
    "purpose": "text",
}
Group = Literal["time tracking", "invoicing", "payments", "banks", "shops", "rates"]
# Stands for any currency in a column's name, as in `Amount (EUR)`.
_ANY = "XXX"
CURRENCY = re.compile(rf"\b({_ANY}|{'|'.join(CODES)})\b")


class Feed(Declaration):
    """Rows of one of the books' tables, as SQL over the columns of the layout's table.

    `columns` are the table's; any not named is null. `where` chooses the rows. A column of the file
    has its declared type, or else text, and is null in a file that lacks it.

    `stable_id(text)` turns a text into a number, always the same one. `client_key(name)` and
    `project_key(client, project)` are shared by all tools; `invoice_key(number)` and
    `entry_key(text)` are the tool's own. `clock_minutes(text)` is `27:30:15` in minutes;
    `file_time` is when the file was written. Of several rows with the same key, one is taken.
    """

    columns: dict[str, str] = Field(min_length=1)
    where: str = "true"


class Layout(Declaration):
    """One export of one tool.

    `headers` are header lines that were seen; XXX in a name stands for any currency. A file has the
    layout if its header has all names of one of them, or all of `needs`. `evidence` says where it
    was seen: in a real file, or in an importer's code.

    `key` names columns of the table. With `occurrence`, a number among equal rows is part of it:
    two equal rows stay two, and an overlapping export adds none. `skip` has values of columns whose
    rows are pending, or never moved money. `currency` is the header with the currency in its name,
    one for each language: the table gets it as a column. `others` says whether columns without a
    declared type are text, or get the type found.

    Banks' tables share the columns `UNIFORM`: `amount` says what `amount_signed` is, `uniform` has
    SQL for the others over the table's columns, and `without` says why one is missing. Their
    columns without a declared type are text: an id in one file is a number in the next.
    """

    name: str
    title: str
    group: Group
    seen: str
    evidence: Literal["fixture", "importer"]
    headers: tuple[tuple[str, ...], ...] = Field(min_length=1)
    needs: tuple[str, ...] = ()
    read: ReadingRules = Field(default_factory=ReadingRules)
    key: tuple[str, ...] = ()
    occurrence: bool = False
    skip: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    currency: str | tuple[str, ...] = ()
    others: Literal["text", "found"] = "found"
    amount: AmountRule | None = None
    uniform: dict[str, str] = Field(default_factory=dict)
    without: dict[str, str] = Field(default_factory=dict)
    feeds: dict[str, Feed] = Field(default_factory=dict)
    notes: str = ""

    @model_validator(mode="after")
    def _names_are_known(self) -> Layout:
        known = {fold(name) for header in self.headers for name in header}
        named = {*self.needs, *self.skip, *self.read.columns, *self._currencies}
        if unknown := sorted(name for name in named if fold(name) not in known):
            raise ValueError(f"no header has {', '.join(unknown)}")
        if odd := sorted({*self.uniform, *self.without} - UNIFORM.keys()):
            raise ValueError(f"{', '.join(odd)} is none of {', '.join(UNIFORM)}")
        if self.group == "banks" and (
            absent := sorted(UNIFORM.keys() - self.known().keys() - self.without.keys())
        ):
            raise ValueError(f"it says neither what {', '.join(absent)} is, nor why there is none")
        return self

    @property
    def tool(self) -> str:
        """The first word of its name: layouts of one tool share clients and projects."""
        return self.name.partition("_")[0]

    def known(self) -> dict[str, ColumnKind]:
        """The columns that its table may have, by name."""
        found: dict[str, ColumnKind] = {}
        for header in self.headers:
            rules = self._rules_of(header)
            named = {
                key: rule.name
                for key, name in zip(header_keys(header), header, strict=True)
                if (rule := rules.get(name)) and rule.name
            }
            for place, column in column_names(header, named).items():
                rule = rules.get(header[place], ColumnRule())
                found[column] = rule.type or found.get(column, "text")
        more = ["currency"] if self.currency else []
        found |= dict.fromkeys([*more, *self.read.constants, *self.read.preamble], "text")
        found |= {name: rule.type for name, rule in self.derived.items()}
        return found | ({ROW_KEY: "text"} if self.occurrence else {})

    @property
    def derived(self) -> dict[str, DerivedRule]:
        """The columns that are computed from others."""
        found = {n: DerivedRule(type=UNIFORM[n], sql=sql) for n, sql in self.uniform.items()}
        if self.amount:
            found["amount_signed"] = DerivedRule(type="decimal", sql=self.amount.sql)
        return {**self.read.derived, **found}

    @property
    def _currencies(self) -> tuple[str, ...]:
        return (self.currency,) if isinstance(self.currency, str) else self.currency

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The key of its raw table."""
        return (ROW_KEY,) if self.occurrence else self.key

    def rules_for(self, names: tuple[str, ...]) -> ReadingRules:
        """How a file with these header names is read."""
        columns = self._rules_of(names)
        skip = {
            name: self.skip[known]
            for name in names
            for known in self.skip
            if fold(name) == fold(known)
        }
        return self.read.model_copy(
            update={
                "columns": columns,
                "key": self.key,
                "occurrence": self.occurrence,
                "skip": skip,
                "constants": {**self.read.constants, **self._constants(names)},
                "derived": self.derived,
                "optional": self.known(),
            }
        )

    def _rules_of(self, names: tuple[str, ...]) -> dict[str, ColumnRule]:
        """The rules of a header's columns, by their names in it."""
        declared = {fold(name): rule for name, rule in self.read.columns.items()}
        columns = {}
        for name in names:
            rule = declared.get(fold(name), ColumnRule())
            if rule.name is None and _ANY.lower() in fold(name).split(" "):
                rule = rule.model_copy(update={"name": column_name(CURRENCY.sub("", name))})
            if rule.type is None and (self.group == "banks" or self.others == "text"):
                rule = rule.model_copy(update={"type": "text"})
            if rule.type == "decimal" and rule.decimal is None:
                rule = rule.model_copy(update={"decimal": self.read.decimal})
            if rule != ColumnRule():
                columns[name] = rule
        return columns

    def _constants(self, names: tuple[str, ...]) -> dict[str, str]:
        """The currency that is part of a column's name."""
        wanted = {fold(name) for name in self._currencies}
        for name in names:
            if fold(name) in wanted and (found := CURRENCY.search(name)):
                return {"currency": found[0]}
        return {}


def fold(name: str) -> str:
    """A header's name for comparison: in lower case, without outer blanks, any currency as XXX."""
    plain = name.strip().strip("\ufeff").strip()
    plain = CURRENCY.sub(_ANY, plain)
    return " ".join(re.sub(r"[()\[\]]", " ", plain).casefold().split())
