"""Expectations as Dagster asset checks: their declaration and their evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from quality.declarations import Expectation, Severity, Suite
from quality.results import Result
from stack.held import Claim
from stack.markdown import markdown_table

_SEVERITY = {
    Severity.CRITICAL: dg.AssetCheckSeverity.ERROR,
    Severity.WARNING: dg.AssetCheckSeverity.WARN,
    Severity.INFO: dg.AssetCheckSeverity.WARN,
}


def check_specs(suites: Sequence[Suite]) -> list[dg.AssetCheckSpec]:
    """One check on the table's asset for each expectation."""
    return [
        dg.AssetCheckSpec(
            name=expectation.name,
            asset=asset_key(expectation),
            description=expectation.because or None,
            metadata={"severity": str(expectation.severity)},
        )
        for suite in suites
        for expectation in suite.expectations
    ]


def asset_key(expectation: Expectation) -> dg.AssetKey:
    """Key of the asset that the expectation is about."""
    return dg.AssetKey([expectation.schema, expectation.table])


def check_result(result: Result, held: Claim | None = None) -> dg.AssetCheckResult:
    """The result of a check that runs alone; `held`: the claim from which it still holds."""
    return dg.AssetCheckResult(
        asset_key=asset_key(result.expectation),
        check_name=result.expectation.name,
        passed=result.success,
        severity=severity(result),
        description=result.error or result.expectation.because or None,
        metadata=held.metadata if held else metadata(result),
    )


def severity(result: Result) -> dg.AssetCheckSeverity:
    """ERROR fails the run: a critical expectation, or one that couldn't be judged."""
    return dg.AssetCheckSeverity.ERROR if result.error else _SEVERITY[result.expectation.severity]


def metadata(result: Result) -> Mapping[str, dg.MetadataValue[Any]]:
    """Metadata of a result: numbers, the SQL that shows the rows, and a few of them."""
    found: dict[str, dg.MetadataValue[Any]] = {
        "severity": dg.MetadataValue.text(str(result.expectation.severity)),
        "expectation": dg.MetadataValue.text(result.expectation.type),
    }
    if result.error:
        return found | {"error": dg.MetadataValue.text(result.error)}
    if result.element_count is not None:
        found["rows"] = dg.MetadataValue.int(result.element_count)
    if result.unexpected_count is not None:
        found["unexpected_count"] = dg.MetadataValue.int(result.unexpected_count)
    if result.observed is not None:
        found["observed"] = dg.MetadataValue.text(str(result.observed))
    if result.sql:
        found["sql"] = dg.MetadataValue.md(f"```sql\n{result.sql}\n```")
    if result.rows:
        found["sample"] = dg.MetadataValue.md(rows_table(result.rows))
    return found


def rows_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same columns as a Markdown table."""
    return markdown_table(rows[0], (row.values() for row in rows)) if rows else ""
