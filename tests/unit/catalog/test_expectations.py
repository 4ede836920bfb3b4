"""Great Expectations' results as assertions."""

from datetime import UTC, datetime

import pytest

from catalog.expectations import MEANINGS, SEVERITIES, expectation_proposals
from catalog.urns import Naming
from stack.gx_artifacts import ExpectationResult, ValidationResult

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def proposals(**result):
    """The proposals of one result, by aspect name."""
    whole = {
        "schema": "marts",
        "table": "cash_in",
        "check_name": "a_check",
        "expectation_type": "expect_column_values_to_be_between",
        "column": "amount",
        "kwargs": {"min_value": 0, "max_value": 9.5},
        "severity": "critical",
        "success": True,
        "observed": None,
        "unexpected_count": 0,
        "element_count": 7,
    } | result
    validation = ValidationResult(
        success=True,
        checkpoint="daily_validation",
        run_id="r",
        results=[ExpectationResult.model_validate(whole)],
    )
    found = list(expectation_proposals(Naming("warehouse"), validation, AT, "freelancer_raw"))
    assert all(p.validate() for p in found)
    return {p.aspectName: p.aspect for p in found}


def test_limits_are_parameters_that_the_ui_understands():
    info = proposals()["assertionInfo"].datasetAssertion
    assert (info.operator, info.aggregation, info.scope) == (
        "BETWEEN",
        "IDENTITY",
        "DATASET_COLUMN",
    )
    assert (info.parameters.minValue.value, info.parameters.maxValue.value) == ("0", "9.5")
    assert info.parameters.minValue.type == "NUMBER"
    assert info.fields == [
        "urn:li:schemaField:(urn:li:dataset:"
        "(urn:li:dataPlatform:duckdb,warehouse.marts.cash_in,DEV),amount)"
    ]


def test_a_limit_that_is_not_given_is_no_parameter():
    info = proposals(kwargs={"min_value": 1, "max_value": None})["assertionInfo"]
    assert info.datasetAssertion.parameters.maxValue is None


def test_a_list_of_values_is_a_list():
    info = proposals(
        expectation_type="expect_column_values_to_be_in_set", kwargs={"value_set": ["EUR", "GBP"]}
    )["assertionInfo"]
    assert info.datasetAssertion.parameters.value.type == "LIST"


def test_an_expectation_that_datahub_has_no_words_for_keeps_its_own_name():
    info = proposals(expectation_type="expect_a_custom_thing", column=None, kwargs={"x": [1]})
    assertion = info["assertionInfo"].datasetAssertion
    assert (assertion.operator, assertion.scope) == ("_NATIVE_", "DATASET_ROWS")
    assert assertion.nativeType == "expect_a_custom_thing"
    assert assertion.nativeParameters == {"x": "[1]"}


def test_a_raw_table_is_found_in_the_schema_of_the_warehouse():
    run = proposals(schema="raw", table="books_clients")["assertionRunEvent"]
    assert "warehouse.freelancer_raw.books_clients" in run.asserteeUrn


@pytest.mark.parametrize(
    ("result", "outcome", "severity"),
    [
        ({"success": True}, "SUCCESS", None),
        ({"success": False}, "FAILURE", "HIGH"),
        ({"success": False, "severity": "warning"}, "FAILURE", "MEDIUM"),
        ({"success": False, "severity": "info"}, "FAILURE", "LOW"),
        ({"success": False, "error": "no such column"}, "ERROR", None),
    ],
)
def test_outcomes_and_how_bad_they_are(result, outcome, severity):
    run = proposals(**result)["assertionRunEvent"].result
    assert (run.type, run.severity) == (outcome, severity)


def test_a_result_has_the_time_of_its_validation_not_of_the_catalogue():
    run = proposals(observed=3)["assertionRunEvent"]
    assert run.timestampMillis == int(AT.timestamp() * 1000)
    assert run.result.actualAggValue == 3.0
    assert run.result.nativeResults == {"observed": "3"}


def test_the_words_used_are_datahubs_own():
    from datahub.metadata import schema_classes as s

    for meaning in MEANINGS.values():
        assert hasattr(s.AssertionStdOperatorClass, meaning.operator)
        assert hasattr(s.AssertionStdAggregationClass, meaning.aggregation)
        assert hasattr(s.DatasetAssertionScopeClass, meaning.scope)
    for severity in SEVERITIES.values():
        assert hasattr(s.AssertionResultSeverityClass, severity)
