"""Great Expectations' results as DataHub assertions and their runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog.urns import GX_PLATFORM, Naming
from stack.gx_artifacts import ExpectationResult, ValidationResult

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal


@dataclass(frozen=True)
class Meaning:
    """An expectation in DataHub's terms; parameters name its arguments."""

    operator: str
    aggregation: str = "_NATIVE_"
    scope: str = "DATASET_COLUMN"
    parameters: tuple[tuple[str, str], ...] = ()


_BETWEEN = (("min_value", "minValue"), ("max_value", "maxValue"))

# Expectations that DataHub's UI can phrase as a sentence; it shows others by their own name.
# Names: https://greatexpectations.io/expectations
MEANINGS = {
    "expect_column_values_to_not_be_null": Meaning("NOT_NULL", "IDENTITY"),
    "expect_column_values_to_be_null": Meaning("NULL", "IDENTITY"),
    "expect_column_values_to_be_unique": Meaning("EQUAL_TO", "UNIQUE_PROPOTION"),
    "expect_column_values_to_be_between": Meaning("BETWEEN", "IDENTITY", parameters=_BETWEEN),
    "expect_column_values_to_be_in_set": Meaning(
        "IN", "IDENTITY", parameters=(("value_set", "value"),)
    ),
    "expect_column_values_to_match_regex": Meaning(
        "REGEX_MATCH", "IDENTITY", parameters=(("regex", "value"),)
    ),
    "expect_column_min_to_be_between": Meaning("BETWEEN", "MIN", parameters=_BETWEEN),
    "expect_column_max_to_be_between": Meaning("BETWEEN", "MAX", parameters=_BETWEEN),
    "expect_column_mean_to_be_between": Meaning("BETWEEN", "MEAN", parameters=_BETWEEN),
    "expect_column_sum_to_be_between": Meaning("BETWEEN", "SUM", parameters=_BETWEEN),
    "expect_column_unique_value_count_to_be_between": Meaning(
        "BETWEEN", "UNIQUE_COUNT", parameters=_BETWEEN
    ),
    "expect_table_row_count_to_be_between": Meaning(
        "BETWEEN", "ROW_COUNT", "DATASET_ROWS", _BETWEEN
    ),
    "expect_table_row_count_to_equal": Meaning(
        "EQUAL_TO", "ROW_COUNT", "DATASET_ROWS", (("value", "value"),)
    ),
    "expect_table_columns_to_match_ordered_list": Meaning(
        "EQUAL_TO", "COLUMNS", "DATASET_SCHEMA", (("column_list", "value"),)
    ),
    "expect_table_columns_to_match_set": Meaning(
        "EQUAL_TO", "COLUMNS", "DATASET_SCHEMA", (("column_set", "value"),)
    ),
    "expect_table_column_count_to_equal": Meaning(
        "EQUAL_TO", "COLUMN_COUNT", "DATASET_SCHEMA", (("value", "value"),)
    ),
}

# DataHub's severity of a failure, by the expectation's severity in Great Expectations.
SEVERITIES = {"critical": "HIGH", "error": "HIGH", "warning": "MEDIUM", "info": "LOW"}


def expectation_proposals(
    naming: Naming, validation: ValidationResult, at: datetime, raw_schema: str
) -> Iterator[Proposal]:
    """The definition and the latest run, stored `at`, of every validated expectation."""
    from datahub.emitter.mce_builder import make_data_platform_urn
    from datahub.emitter.mcp import MetadataChangeProposalWrapper
    from datahub.metadata import schema_classes as s

    for result in validation.results:
        dataset = naming.table(*validated_table(result, raw_schema))
        urn = naming.expectation(dataset, result.check_name)
        aspects: list[Any] = [
            _definition(dataset, validation, result),
            s.DataPlatformInstanceClass(platform=make_data_platform_urn(GX_PLATFORM)),
            s.StatusClass(removed=False),
            _run(urn, dataset, validation, result, at),
        ]
        yield from MetadataChangeProposalWrapper.construct_many(urn, aspects)


def validated_table(result: ExpectationResult, raw_schema: str) -> tuple[str, str]:
    """Schema and name, in the warehouse, of the table that a result is about."""
    schema = result.schema_name
    return (raw_schema if schema == "raw" else schema), result.table


def _definition(dataset: str, validation: ValidationResult, result: ExpectationResult) -> Any:
    from datahub.emitter.mce_builder import make_schema_field_urn
    from datahub.metadata import schema_classes as s

    column, kwargs = result.column, result.kwargs
    meaning = MEANINGS.get(
        result.expectation_type,
        Meaning("_NATIVE_", scope="DATASET_COLUMN" if column else "DATASET_ROWS"),
    )
    return s.AssertionInfoClass(
        type=s.AssertionTypeClass.DATASET,
        source=s.AssertionSourceClass(type=s.AssertionSourceTypeClass.EXTERNAL),
        customProperties={
            name: str(value)
            for name, value in (
                ("check_name", result.check_name),
                ("severity", result.severity),
                ("because", result.because),
                ("checkpoint", validation.checkpoint),
            )
            if value
        },
        datasetAssertion=s.DatasetAssertionInfoClass(
            dataset=dataset,
            scope=meaning.scope,
            operator=meaning.operator,
            aggregation=meaning.aggregation,
            fields=[make_schema_field_urn(dataset, column)] if column else None,
            parameters=_parameters(meaning, kwargs),
            nativeType=result.expectation_type,
            nativeParameters={k: str(v) for k, v in sorted(kwargs.items())},
        ),
    )


def _parameters(meaning: Meaning, kwargs: dict[str, Any]) -> Any:
    from datahub.metadata import schema_classes as s

    def parameter(value: Any) -> Any:
        if isinstance(value, bool | str) or value is None:
            kind = s.AssertionStdParameterTypeClass.STRING
        elif isinstance(value, int | float):
            kind = s.AssertionStdParameterTypeClass.NUMBER
        else:
            kind = s.AssertionStdParameterTypeClass.LIST
        return s.AssertionStdParameterClass(value=str(value), type=kind)

    given = {
        name: parameter(kwargs[argument])
        for argument, name in meaning.parameters
        if kwargs.get(argument) is not None
    }
    return s.AssertionStdParametersClass(**given) if given else None


def _run(
    urn: str, dataset: str, validation: ValidationResult, result: ExpectationResult, at: datetime
) -> Any:
    from datahub.metadata import schema_classes as s

    observed = result.observed
    # An expectation that couldn't be judged neither passed nor failed.
    outcome = "ERROR" if result.error else "SUCCESS" if result.success else "FAILURE"
    severity = SEVERITIES.get(result.severity, "HIGH")
    native = {"observed": observed, "error": result.error, "sql": result.sql}
    return s.AssertionRunEventClass(
        timestampMillis=int(at.timestamp() * 1000),
        runId=validation.run_id,
        assertionUrn=urn,
        asserteeUrn=dataset,
        status=s.AssertionRunStatusClass.COMPLETE,
        result=s.AssertionResultClass(
            type=outcome,
            severity=severity if outcome == "FAILURE" else None,
            rowCount=result.element_count,
            unexpectedCount=result.unexpected_count,
            actualAggValue=float(observed) if _is_number(observed) else None,
            nativeResults={k: str(v) for k, v in native.items() if v is not None},
        ),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
