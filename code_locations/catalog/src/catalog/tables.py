"""A warehouse table with all that is known about it: declaration, dbt, contents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.inventory import TableFacts
from catalog.models import MODELS_OWNER, DbtTable
from stack.raw import RawTable


@dataclass(frozen=True)
class CatalogTable:
    """One table or view, described. `raw` or `dbt` or both may be unknown."""

    facts: TableFacts
    raw: RawTable | None = None
    dbt: DbtTable | None = None

    @property
    def description(self) -> str:
        """The declaration's description, else dbt's."""
        return (self.raw.description if self.raw else "") or (
            self.dbt.description if self.dbt else ""
        )

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
        return "raw" if self.raw else self.facts.schema

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
    raw_schema: str,
) -> tuple[CatalogTable, ...]:
    """Join what the warehouse has with what is declared about it."""
    raw = {(raw_schema, table.table_name): table for table in declared}
    return tuple(
        CatalogTable(facts, raw.get(facts.key), modelled.get(facts.key)) for facts in inventory
    )
