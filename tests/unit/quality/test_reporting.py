"""Results as checks, alerts and pages."""

from pathlib import Path
from typing import Any

import dagster as dg

from quality.alerting import alert_of
from quality.checks import check_result, metadata
from quality.data_docs import offline
from quality.declarations import Expectation, Kind, Severity
from quality.results import Result, Validation, table_rows
from stack.artifacts import ArtifactStore
from stack.gx_artifacts import read_validation, write_validation


def result(severity: Severity = Severity.CRITICAL, **values: Any) -> Result:
    expectation = Expectation(
        schema="raw",
        table="books_invoices",
        name="expect_column_values_to_be_unique__number",
        kind=Kind.ROWS,
        type="expect_column_values_to_be_unique",
        kwargs={"column": "number"},
        severity=severity,
        because="Tax law wants each number once.",
    )
    values = {"success": False, "unexpected_count": 2, "element_count": 10} | values
    return Result(expectation, **values)


def validation(*results: Result) -> Validation:
    return Validation("daily_validation", "run-1", 1.5, {"raw.books_invoices": 10}, results)


def test_only_a_critical_failure_is_an_error_and_fails_the_run() -> None:
    for severity, expected in (
        (Severity.CRITICAL, dg.AssetCheckSeverity.ERROR),
        (Severity.WARNING, dg.AssetCheckSeverity.WARN),
        (Severity.INFO, dg.AssetCheckSeverity.WARN),
    ):
        failed = result(severity)
        assert check_result(failed).severity is expected
        assert validation(failed).success is (severity is not Severity.CRITICAL)


def test_what_can_not_be_judged_fails_the_run_whatever_its_severity() -> None:
    broken = result(Severity.INFO, error="suite raw.books_invoices: no such column")
    assert check_result(broken).severity is dg.AssetCheckSeverity.ERROR
    assert check_result(broken).description == "suite raw.books_invoices: no such column"
    assert not validation(broken).success


def test_a_warning_writes_no_alert() -> None:
    assert alert_of(validation(result(Severity.WARNING), result(success=True))) is None


def test_an_alert_tells_the_worst_and_names_tables_and_queries() -> None:
    alert = alert_of(validation(result(sql="select 1"), result(Severity.WARNING)))
    assert alert
    assert (alert.type, alert.severity) == ("great_expectations_failure", "critical")
    assert alert.tables == ("raw.books_invoices",)
    assert "expect_column_values_to_be_unique__number (2 of 10 rows)" in alert.description
    assert alert.details["failed"][0]["sql"] == "select 1"
    assert alert.details["warning_count"] == 1


def test_a_mistake_in_the_project_is_not_told_as_bad_data() -> None:
    alert = alert_of(validation(result(error="suite x: no table y"), result(success=True)))
    assert alert
    assert alert.severity == "error"
    assert "can't be judged: suite x: no table y" in alert.description
    assert "critical" not in alert.description


def test_an_alert_stays_small_however_much_fails() -> None:
    alert = alert_of(validation(*[result(sql="select 1" * 100) for _ in range(5000)]))
    assert alert
    assert alert.details["failed_count"] == 5000
    assert len(alert.model_dump_json()) < 100_000


def test_the_artifact_reads_back_as_it_was_found(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path))
    found = result(observed=["A-1"], sql="select 1")
    write_validation(store, validation(found).as_artifact())
    for read in (read_validation(store), read_validation(store, "run-1")):
        assert read
        assert (read.success, read.checkpoint) == (False, "daily_validation")
        assert read.results == (found.as_artifact(),)


def test_a_failing_check_shows_counts_query_and_rows() -> None:
    shown = metadata(result(sql="select 1", rows=[{"invoice_id": 3}], observed=["A-1"]))
    assert shown["unexpected_count"].value == 2
    assert "select 1" in str(shown["sql"].value)
    assert "| 3 |" in str(shown["sample"].value)


def test_an_empty_table_is_told_as_no_rows() -> None:
    empty = Validation("daily", "run-1", 1.0, {"raw.books_invoices": 0}, [result(success=True)])
    assert table_rows(empty)[0]["rows"] == "no rows"


def test_a_page_fetches_nothing_from_elsewhere() -> None:
    page = (
        '<html><head><link rel="stylesheet" href="https://x.org/a.css">'
        '<script src="https://x.org/a.js"></script><style>b {background: url('
        "'https://x.org/b.png')}</style></head><body><img\n src=\"https://x.org/pixel?id=1\">"
        "<p>kept</p><script>$(1)</script></body></html>"
    )
    shown = offline(page, "p {}")
    assert "//" not in shown
    assert "<p>kept</p>" in shown
    assert "<style>p {}</style></head>" in shown
