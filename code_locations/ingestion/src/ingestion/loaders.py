"""What every loader is: the one way from a source into raw tables.

A loader knows nothing of Dagster. `ingestion.loader_asset` makes an asset of one or more of them,
`ingestion.registry` lists them all. To add one, write a class that implements `Loader` and add it
to the registry.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from stack.load_report import LoadReport
from stack.partitions import Days
from stack.quarantine import Entry
from stack.raw import RawTable


@dataclass(frozen=True)
class Scope:
    """How much of its sources a load reads; by default what is new.

    `full_refresh` reads them from their beginning, and replaces tables of sources that are
    complete. With `days`, tables with an event date get exactly these days rebuilt, and what is new
    on other days is left for a load without. With `tables` (names in the raw schema), only their
    sources are read, from the beginning where `forget` or the loader allows it, and merged.
    """

    full_refresh: bool = False
    days: Days | None = None
    tables: frozenset[str] | None = None

    @property
    def anew(self) -> bool:
        """Whether sources are read from their beginning."""
        return self.full_refresh or self.days is not None

    def has(self, tables: Collection[str]) -> bool:
        """Whether a source of these tables is to be read."""
        return self.tables is None or not self.tables.isdisjoint(tables)


WHAT_IS_NEW = Scope()


class Loader(Protocol):
    """Loads its sources, as far as they are in scope, into their raw tables."""

    @property
    def name(self) -> str:
        """Names its report, `load/<name>.json`, and its entries in the quarantine."""
        ...

    @property
    def asset(self) -> str:
        """The Dagster asset that runs it."""
        ...

    @property
    def kind(self) -> str:
        """The tool that it uses, for the UI: dlt or airbyte."""
        ...

    @property
    def required(self) -> bool:
        """Whether the run stops after this load if a source failed."""
        ...

    def tables(self) -> Sequence[RawTable]:
        """Its tables as far as they are declared or configured. Opens no connection."""
        ...

    def facts(self, table: RawTable) -> Mapping[str, Any]:
        """Additional facts that the UI shows about a table before any load."""
        ...

    def load(self, scope: Scope, log: logging.Logger) -> LoadReport:
        """Load; a source that fails is in the report and doesn't stop the others.

        Raises StackError or OSError for whatever stops all of them.
        """
        ...

    def forget(self, tables: Collection[str]) -> None:
        """Make the next load read everything of these tables again. Raises StackError."""
        ...

    def rereads(self, table: str) -> bool:
        """Whether a row deleted from the table comes back after `forget`, if its source has it."""
        ...

    def put_back(self, entry: Entry) -> str:
        """Let the next load take what was set aside; return a sentence saying what will happen.

        Raises StackError if it can't be put back.
        """
        ...


class WithoutFacts:
    """A loader without additional facts about its tables."""

    def facts(self, table: RawTable) -> Mapping[str, Any]:  # noqa: ARG002
        """None."""
        return {}
