"""The summary names what failed, and reports success only if there was one."""

import io

import dagster as dg
import pytest
from rich.console import Console

from stack.one_machine.events import RunRecord
from stack.one_machine.summary import print_summary

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def said(*failed: dg.AssetCheckSeverity, succeeded: bool = True) -> str:
    record = RunRecord("run")
    record.checks["raw", "orders"] = [
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["raw", "orders"]),
            check_name=f"check_{number}",
            passed=False,
            severity=severity,
            description=f"reason\nnumber {number}",
        )
        for number, severity in enumerate(failed)
    ]
    console = Console(record=True, width=200, file=io.StringIO())
    print_summary(console, record, succeeded=succeeded)
    return console.export_text()


@pytest.mark.parametrize(
    ("failed", "told"),
    [
        ((), "The pipeline succeeded."),
        ((WARN, WARN), "The pipeline succeeded, with 2 warnings."),
        ((WARN, ERROR), "ran to its end, but 1 check failed"),
    ],
)
def test_each_check_that_failed_is_named_with_its_reason(stack_home, failed, told):
    text = said(*failed)
    assert told in text
    for number, severity in enumerate(failed):
        assert f"{severity.value} raw/orders: check_{number}: reason number {number}" in text


def test_a_run_that_failed_names_its_checks_too(stack_home):
    text = said(ERROR, succeeded=False)
    assert "The pipeline failed" in text
    assert "ERROR raw/orders: check_0" in text
