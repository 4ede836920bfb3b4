"""Which expectations hold since an earlier run: they, and the tables that they read, are the same.

One that wasn't met is always judged again. docs/decisions/0044-cost-follows-change.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from quality.declarations import Expectation, Suite
from quality.queries import failing_rows, table_name
from quality.results import Result
from stack.declarations import DeclarationError
from stack.digests import digest
from stack.gx_artifacts import ExpectationResult
from stack.held import Claim, Run
from stack.settings import WarehouseSettings
from stack.sql import literal
from stack.sql_reads import Reads, Table, clock_of, tables_named
from stack.warehouse.versions import Name, Relation, content_of, relations

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXPECTATIONS = "held/expectations.json"
CODE_VERSION = "1"


def key_of(expectation: Expectation) -> str:
    """What claims about an expectation are kept by."""
    return f"{expectation.schema}.{expectation.table}: {expectation.name}"


@dataclass
class Contents:
    """What the tables of the warehouse have at one moment."""

    connection: DuckDBPyConnection
    settings: WarehouseSettings
    _relations: dict[Table, tuple[Name, Relation]] = field(default_factory=dict)
    _of_views: dict[Table, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = self.connection.execute(
            "select distinct schema_name, table_name from duckdb_columns() "
            f"where database_name = {literal(self.settings.database)} and not internal"
        ).fetchall()
        names: list[Name] = [(schema, table) for schema, table in rows]
        for name, relation in relations(self.connection, self.settings, names).items():
            for plain in tables_named(f"select 1 from {table_name(*name, name[0])}") or ():
                self._relations[plain] = name, relation

    def content(self, plain: Table) -> str | None:
        """What a table or view has, by its name as queries name it."""
        if plain not in self._relations:
            return None
        name, relation = self._relations[plain]
        if not relation.is_view:
            return relation.version
        if plain not in self._of_views:
            self._of_views[plain] = digest(relation.version, content_of(self.connection, name))
        return self._of_views[plain]

    def fingerprint(self, suite: Suite, expectation: Expectation) -> str | None:
        """What a verdict follows from; None if that can't be told."""
        raw_schema = self.settings.dlt_dataset_name
        try:
            query = failing_rows(expectation, suite, raw_schema)
        except DeclarationError:
            return None
        own = f"select 1 from {table_name(suite.schema, suite.table, raw_schema)}"
        named = tables_named(query), tables_named(own)
        if None in named or clock_of(expectation.sql or "") is Reads.UNTOLD:
            return None
        read = sorted((named[0] or frozenset()) | (named[1] or frozenset()))
        contents = [self.content(table) for table in read]
        if None in contents:
            return None
        return digest(CODE_VERSION, _libraries(), asdict(expectation), suite.key, query, contents)

    def fingerprints(self, suites: Iterable[Suite]) -> dict[str, str | None]:
        """Those of all expectations of the suites."""
        return {key_of(e): self.fingerprint(s, e) for s in suites for e in s.expectations}


@cache
def _libraries() -> tuple[str, ...]:
    """Versions of what judges."""
    return tuple(version(name) for name in ("great-expectations", "duckdb", "pandas"))


def held_results(
    suites: Iterable[Suite], fingerprints: Mapping[str, str | None], claims: Mapping[str, Claim]
) -> dict[str, tuple[Result, Claim]]:
    """Results of the expectations that hold, by key, with their claims."""
    held = {}
    for suite in suites:
        for expectation in suite.expectations:
            key = key_of(expectation)
            claim = claims.get(key)
            if claim and claim.holds(fingerprints[key]):
                found = ExpectationResult.model_validate(claim.result)
                result = Result(
                    expectation,
                    success=True,
                    observed=found.observed,
                    unexpected_count=found.unexpected_count,
                    element_count=found.element_count,
                    sql=found.sql,
                )
                held[key] = (result, claim)
    return held


def claims_of(
    results: Iterable[Result], fingerprints: Mapping[str, str | None], run: Run
) -> dict[str, Claim]:
    """Claims about the results of a run, by key; what isn't met leaves none."""
    claims = {}
    for result in results:
        if result.success:
            key = key_of(result.expectation)
            reads = clock_of(result.expectation.sql or "")
            found = result.as_artifact().model_dump(mode="json", by_alias=True)
            if claim := run.claim(fingerprints.get(key), reads, found):
                claims[key] = claim
    return claims
