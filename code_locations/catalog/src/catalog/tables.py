"""A warehouse table with all that is known about it: declaration, dbt, contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.inputs import Load
from catalog.inventory import TableFacts
from catalog.models import MODELS_OWNER, DbtTable
from stack.raw import RawTable


@dataclass(frozen=True)
class CatalogTable:
    """One table or view, described.

    `raw` is the declaration of a raw table, which a table of a connector that the stack
    doesn't know lacks; `dbt` is what dbt's manifest says; `loader` is the asset that loads it.
    """

    facts: TableFacts
    is_raw: bool = False
    raw: RawTable | None = None
    dbt: DbtTable | None = None
    loader: str | None = None
    connector: str | None = None

    @property
    def description(self) -> str:
        """The declaration's description, else dbt's, else where the table comes from."""
        declared = self.raw.description if self.raw else ""
        modelled = self.dbt.description if self.dbt else ""
        loaded = f"Loaded by {self.connector}." if self.connector else ""
        return declared or modelled or loaded

    @property
    def owners(self) -> tuple[str, ...]:
        """Who answers for the table: dbt's owners, the raw table's, else the analytics team."""
        if self.dbt and self.dbt.owners:
            return self.dbt.owners
        return (self.raw.owner,) if self.raw else (MODELS_OWNER,)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns that name a row, as far as they exist in the table."""
        key = self.raw.primary_key if self.raw else self.dbt.primary_key if self.dbt else ()
        names = {column.name for column in self.facts.columns}
        return tuple(column for column in key if column in names)

    @property
    def layer(self) -> str:
        """raw, staging, intermediate or marts."""
        return "raw" if self.is_raw else self.facts.schema

    def column_description(self, name: str) -> str:
        """The declaration's description of a column, else dbt's; empty if neither has one."""
        declared = {c.name: c.description for c in self.raw.columns} if self.raw else {}
        described = self.dbt.columns if self.dbt else {}
        return declared.get(name) or described.get(name) or ""

    def never_null(self, name: str) -> bool:
        """Whether a column is declared, keyed or tested to have a value in every row."""
        column = next(c for c in self.facts.columns if c.name == name)
        tested = self.dbt is not None and name in self.dbt.not_null
        return tested or not column.nullable or name in self.primary_key


def describe(
    inventory: Iterable[TableFacts],
    declared: Iterable[RawTable],
    modelled: Mapping[tuple[str, str], DbtTable],
    loaded: Mapping[str, Load],
    raw_schema: str,
) -> tuple[CatalogTable, ...]:
    """Join what the warehouse has with what is declared and reported about it."""
    raw = {table.table_name: table for table in declared}

    def one(facts: TableFacts) -> CatalogTable:
        if facts.schema != raw_schema:
            return CatalogTable(facts, dbt=modelled.get(facts.key))
        declaration, load = raw.get(facts.name), loaded.get(facts.name)
        return CatalogTable(
            facts,
            is_raw=True,
            raw=declaration,
            dbt=modelled.get(facts.key),
            loader=(declaration.loader if declaration else None) or (load.asset if load else None),
            connector=load.facts.get("connector") if load else None,
        )

    return tuple(one(facts) for facts in inventory)
