"""The alert of a validation that fails the run."""

from __future__ import annotations

from quality.declarations import Severity
from quality.results import Result, Validation
from stack.alerts import Alert

ALERT_TYPE = "great_expectations_failure"
_LISTED = 50


def alert_of(validation: Validation) -> Alert | None:
    """An alert about the failures that fail the run; None if there are none.

    Warnings are only in the checks and the artifact: they need a look, not a remediation.
    """
    fatal = validation.fatal
    if not fatal:
        return None
    broken = [r for r in fatal if not r.error]
    return Alert(
        type=ALERT_TYPE,
        severity="critical" if broken else "error",
        description=summary(validation),
        source="great_expectations",
        tables=tuple(dict.fromkeys(r.table for r in fatal)),
        run_id=validation.run_id,
        details={
            "checkpoint": validation.checkpoint,
            "failed": [_detail(r) for r in fatal[:_LISTED]],
            "failed_count": len(fatal),
            "warning_count": sum(
                r.expectation.severity is not Severity.CRITICAL and not r.error
                for r in validation.failures
            ),
            "data_docs": validation.data_docs,
        },
    )


def summary(validation: Validation) -> str:
    """What failed, in one line."""
    fatal, errors = validation.fatal, validation.errors
    parts = []
    if data := [r for r in fatal if not r.error]:
        parts.append(f"{len(data)} critical expectation(s) not met: {_names(data)}")
    if errors:
        parts.append(
            f"{len(errors)} expectation(s) of the project can't be judged: "
            + "; ".join(list(dict.fromkeys(str(r.error) for r in errors))[:3])
        )
    return f"checkpoint {validation.checkpoint}: " + (
        "; ".join(parts) or f"{len(validation.results)} expectations judged, none critical failed"
    )


def _names(results: list[Result]) -> str:
    shown = [f"{r.table}.{r.expectation.name} ({_count(r)})" for r in results[:5]]
    more = len(results) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _count(result: Result) -> str:
    return f"{result.unexpected_count:,} of {result.element_count:,} rows"


def _detail(result: Result) -> dict[str, object]:
    return {
        "table": result.table,
        "check": result.expectation.name,
        "severity": str(result.expectation.severity),
        "unexpected_count": result.unexpected_count,
        "observed": result.observed,
        "error": result.error,
        "sql": result.sql,
    }
