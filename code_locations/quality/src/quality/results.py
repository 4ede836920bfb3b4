"""The results of a validation as plain data, for checks, artifact, alert and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quality.declarations import Expectation, Severity
from stack.gx_artifacts import ExpectationResult, ValidationResult

_ORDER = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True)
class Result:
    """The outcome of one expectation. `error` says why it couldn't be judged."""

    expectation: Expectation
    success: bool
    observed: Any = None
    unexpected_count: int | None = None
    element_count: int | None = None
    error: str | None = None
    # A query that shows the rows (or the number) in question, and up to ten of the rows.
    sql: str | None = None
    rows: Sequence[Mapping[str, Any]] = ()

    @property
    def table(self) -> str:
        """`<schema>.<table>`, schema as in asset keys."""
        return f"{self.expectation.schema}.{self.expectation.table}"

    @property
    def fails_the_run(self) -> bool:
        """Whether it is a critical failure, or couldn't be judged at all."""
        critical = self.expectation.severity is Severity.CRITICAL
        return not self.success and (critical or self.error is not None)

    def as_artifact(self) -> ExpectationResult:
        """The form that other stages read."""
        e = self.expectation
        return ExpectationResult(
            schema=e.schema,
            table=e.table,
            check_name=e.name,
            expectation_type=e.type,
            column=e.column,
            kwargs=dict(e.kwargs),
            severity=str(e.severity),
            success=self.success,
            observed=self.observed,
            unexpected_count=self.unexpected_count,
            element_count=self.element_count,
            error=self.error,
            because=e.because,
            sql=self.sql,
        )


@dataclass(frozen=True)
class Validation:
    """The outcome of a checkpoint."""

    checkpoint: str
    run_id: str
    duration_s: float
    row_counts: Mapping[str, int]
    results: Sequence[Result]
    data_docs: str | None = None

    failures: Sequence[Result] = field(init=False)

    def __post_init__(self) -> None:
        failures = sorted(
            (r for r in self.results if not r.success),
            key=lambda r: (not r.fails_the_run, _ORDER[r.expectation.severity], r.table),
        )
        object.__setattr__(self, "failures", failures)

    @property
    def success(self) -> bool:
        """Whether the run may go on: nothing critical failed, and everything could be judged."""
        return not self.fatal

    @property
    def fatal(self) -> list[Result]:
        """The failures that fail the run, worst first."""
        return [r for r in self.failures if r.fails_the_run]

    @property
    def errors(self) -> list[Result]:
        """Expectations that couldn't be judged: a mistake in the project, not in the data."""
        return [r for r in self.failures if r.error]

    def as_artifact(self) -> ValidationResult:
        """The form that other stages read."""
        return ValidationResult(
            success=self.success,
            checkpoint=self.checkpoint,
            run_id=self.run_id,
            duration_s=round(self.duration_s, 3),
            row_counts=dict(self.row_counts),
            results=tuple(result.as_artifact() for result in self.results),
            data_docs=self.data_docs,
        )


def table_rows(validation: Validation) -> list[dict[str, Any]]:
    """One row per table: its rows, its expectations, and how many failed, by severity."""
    rows = []
    for table, count in validation.row_counts.items():
        results = [r for r in validation.results if r.table == table]
        failed = [r for r in results if not r.success]
        rows.append(
            {
                "table": table,
                "rows": f"{count:,}" if count else "no rows",
                "expectations": len(results),
                **{
                    str(severity): sum(
                        r.expectation.severity is severity and not r.error for r in failed
                    )
                    for severity in Severity
                },
                "not judged": sum(bool(r.error) for r in failed),
            }
        )
    return rows
