"""Reports what the data tests found: as checks, in the log and as an alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import AssetExecutionContext

from stack.alerts import Alert, write_alert
from stack.checks import evaluation
from stack.held import since
from stack.settings import StackSettings
from transformation.asset_metadata import run_metadata, test_metadata
from transformation.daily import Judged
from transformation.graph import DataTest, Graph
from transformation.models import DbtRun
from transformation.runner import NodeResult
from transformation.specs import TEST, key_of

ALERT_TYPE = "dbt_test_failure"
_PASSED = ("pass", "success")


@dataclass(frozen=True)
class Finding:
    """A data test that failed or couldn't run."""

    test: DataTest
    result: NodeResult
    table: str

    @property
    def is_error(self) -> bool:
        """Whether it fails the run: dbt reports a test of severity warn as warn."""
        return self.result.status != "warn"

    @property
    def line(self) -> str:
        """Test, table, failing rows and the query to see them, in one line."""
        if self.result.status == "error":
            return (
                f"{self.test.check_name} on {self.table} couldn't run: "
                f"{' '.join((self.result.message or '').split())}"
            )
        query = " ".join((self.result.compiled_code or "").split())
        return (
            f"{self.test.check_name} on {self.table}: {self.result.failures} failing rows; "
            f"see them with: {query}"
        )


def report_tests(
    context: AssetExecutionContext, stack: StackSettings, judged: Judged, graph: Graph
) -> Iterator[dg.AssetCheckEvaluation | dg.MaterializeResult[None]]:
    """Report what the data tests of a run found, and which hold.

    Yields one check evaluation each, then the materialisation. The evaluations are yielded because
    Dagster drops what was passed to `context.log_event` when the op fails. Raises dg.Failure, after
    everything is recorded, if a test of severity error failed.
    """
    run = judged.run
    yield from map(evaluation, held_results(judged, graph))
    if judged.held:
        context.log.info(f"{len(judged.held)} tests hold {since(judged.held.values())}")
    if run:
        yield from map(evaluation, check_results(run, graph))
    found = findings(run, graph) if run else []
    for finding in found:
        log = context.log.error if finding.is_error else context.log.warning
        log(finding.line)
    if found:
        write_alert(stack.alerts, alert_of(found, context.run.run_id))
    errors = [finding for finding in found if finding.is_error]
    if run and errors:
        raise dg.Failure(
            f"{len(errors)} of {len(run.result.results)} data tests failed. "
            + "; ".join(finding.line for finding in errors),
            allow_retries=False,
        )
    yield dg.MaterializeResult(
        asset_key=TEST,
        metadata={
            **run_metadata(run, "tests", len(judged.held)),
            "warnings": dg.MetadataValue.int(len(found)),
        },
    )


def held_results(judged: Judged, graph: Graph) -> Iterator[dg.AssetCheckResult]:
    """A check result for each test that holds."""
    for uid, claim in judged.held.items():
        if test := graph.tests.get(uid):
            yield dg.AssetCheckResult(
                asset_key=key_of(graph.tables[test.table]),
                check_name=test.check_name,
                passed=True,
                metadata=claim.metadata,
            )


def check_results(run: DbtRun, graph: Graph) -> Iterator[dg.AssetCheckResult]:
    """A check result for each test that ran."""
    for result in run.result.results:
        test = graph.tests.get(result.unique_id)
        if test is None:
            continue
        severity = result.status == "warn" or test.severity == "warn"
        yield dg.AssetCheckResult(
            asset_key=key_of(graph.tables[test.table]),
            check_name=test.check_name,
            passed=result.status in _PASSED,
            severity=dg.AssetCheckSeverity.WARN if severity else dg.AssetCheckSeverity.ERROR,
            metadata=test_metadata(test, result),
        )


def findings(run: DbtRun, graph: Graph) -> list[Finding]:
    """The tests that didn't pass."""
    found = []
    for result in run.result.results:
        test = graph.tests.get(result.unique_id)
        if test is not None and result.status not in _PASSED:
            table = ".".join(graph.tables[test.table].asset_path)
            found.append(Finding(test, result, table))
    return found


def alert_of(found: Sequence[Finding], run_id: str) -> Alert:
    """One alert for a run's findings; an error if any of them is."""
    return Alert(
        type=ALERT_TYPE,
        severity="error" if any(f.is_error for f in found) else "warning",
        description="; ".join(
            f"{f.test.check_name} on {f.table}: {f.result.failures or 0} failing rows"
            for f in found
        ),
        source="dbt",
        tables=tuple(sorted({finding.table for finding in found})),
        run_id=run_id,
        details={
            finding.test.unique_id: {
                "status": finding.result.status,
                "failing_rows": finding.result.failures,
                "query": finding.result.compiled_code,
            }
            for finding in found
        },
    )
