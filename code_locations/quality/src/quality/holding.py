"""Which expectations still hold from an earlier run: neither they nor the tables they read changed.

One that failed is always judged again. docs/decisions/0044-cost-follows-change.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
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
from stack.sql_reads import Reads, clock_of, tables_named
from stack.warehouse.contents import Contents

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

EXPECTATIONS = "held/expectations.json"
CODE_VERSION = "1"


def key_of(expectation: Expectation) -> str:
    """The key of claims about an expectation."""
    return f"{expectation.schema}.{expectation.table}: {expectation.name}"


def fingerprints(
    connection: DuckDBPyConnection, settings: WarehouseSettings, suites: Iterable[Suite]
) -> dict[str, str | None]:
    """A fingerprint of everything that each verdict depends on, by key; None if unknown."""
    contents = Contents.now(connection, settings)
    return {key_of(e): _fingerprint(contents, s, e) for s in suites for e in s.expectations}


def _fingerprint(contents: Contents, suite: Suite, expectation: Expectation) -> str | None:
    raw_schema = contents.settings.dlt_dataset_name
    try:
        query = failing_rows(expectation, suite, raw_schema)
    except DeclarationError:
        return None
    own = f"select 1 from {table_name(suite.schema, suite.table, raw_schema)}"
    named = tables_named(query), tables_named(own)
    if None in named or clock_of(expectation.sql or "") is Reads.UNTOLD:
        return None
    tables = sorted((named[0] or frozenset()) | (named[1] or frozenset()))
    names = [contents.named(table) for table in tables]
    found = [contents.read(name) if name else None for name in names]
    if None in found:
        return None
    return digest(CODE_VERSION, _libraries(), asdict(expectation), suite.key, query, found)


@cache
def _libraries() -> tuple[str, ...]:
    """Versions of the libraries that judge."""
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
    """Claims about the results of a run, by key; failures leave none."""
    claims = {}
    for result in results:
        if result.success:
            key = key_of(result.expectation)
            reads = clock_of(result.expectation.sql or "")
            found = result.as_artifact().model_dump(mode="json", by_alias=True)
            if claim := run.claim(fingerprints.get(key), reads, found):
                claims[key] = claim
    return claims
