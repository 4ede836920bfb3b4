"""From declared expectations to Great Expectations' objects, and back to plain results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from quality.declarations import Expectation
from stack.errors import reason

if TYPE_CHECKING:
    import great_expectations as gx
    import pandas as pd
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.data_context.file_data_context import FileDataContext

DATA_SOURCE = "warehouse"
ASSET = "frames"
_PAIR = "expect_column_pair_values_a_to_be_greater_than_b"


@dataclass
class Verdict:
    """Great Expectations' verdict on one expectation for one frame."""

    success: bool = False
    observed: Any = None
    unexpected_count: int | None = None
    error: str | None = None


@dataclass
class Judge:
    """Runs suites in one context under one run id, and records what it ran."""

    context: FileDataContext
    run_id: RunIdentifier
    ran: list[gx.ValidationDefinition] = field(default_factory=list)

    def __post_init__(self) -> None:
        # One asset for all: adding one rewrites the project's YAML, a quarter of a run's time.
        asset = self.context.data_sources.add_pandas(DATA_SOURCE).add_dataframe_asset(ASSET)
        self._frame = asset.add_batch_definition_whole_dataframe("whole")

    def judge(
        self, name: str, frame: pd.DataFrame, expectations: Sequence[Expectation], notes: str = ""
    ) -> dict[str, Verdict]:
        """Verdicts by expectation name. One that can't be judged has `error`."""
        import great_expectations as gx

        verdicts: dict[str, Verdict] = {}
        built = []
        for expectation in expectations:
            try:
                built.append(_build(expectation))
            except Exception as error:  # pydantic, registry and argument errors of many classes
                verdicts[expectation.name] = Verdict(error=_bad_arguments(name, expectation, error))
        if not built:
            return verdicts
        suite = gx.ExpectationSuite(name=name, expectations=built, notes=notes or None)
        definition = self.context.validation_definitions.add(
            gx.ValidationDefinition(
                name=name,
                data=self._frame,
                suite=self.context.suites.add(suite),
            )
        )
        result = definition.run(
            batch_parameters={"dataframe": frame}, result_format="SUMMARY", run_id=self.run_id
        )
        self.ran.append(definition)
        for item in result.results:
            config = item.expectation_config
            check = config.meta["check"] if config and config.meta else ""
            verdicts[check] = _verdict(f"suite {name}: {check}", item)
        return verdicts


def _build(expectation: Expectation) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    kwargs = {k: _timestamp(v) for k, v in expectation.kwargs.items() if v is not None}
    if expectation.type == _PAIR:
        # As in SQL, a comparison with null is neither true nor false.
        kwargs.setdefault("ignore_row_if", "either_value_is_missing")
    return ExpectationConfiguration(
        type=expectation.type,
        kwargs=kwargs,
        meta={"check": expectation.name},
        notes=expectation.because or None,
        severity=FailureSeverity(expectation.severity),
    ).to_domain_obj()


def _verdict(where: str, item: ExpectationValidationResult) -> Verdict:
    message = _exception(item.exception_info)
    if message:
        return Verdict(error=f"{where} can't be judged: {message}")
    found = item.result
    observed = found.get("observed_value")
    if observed is None and found.get("partial_unexpected_list"):
        observed = list(dict.fromkeys(map(str, found["partial_unexpected_list"])))[:5]
    return Verdict(
        success=bool(item.success),
        observed=_plain(observed),
        unexpected_count=found.get("unexpected_count"),
    )


def _exception(info: dict[str, Any] | None) -> str | None:
    """First line of an exception; Great Expectations nests them by metric."""
    if not info:
        return None
    items = [info] if "raised_exception" in info else list(info.values())
    messages = [str(i.get("exception_message")) for i in items if i.get("raised_exception")]
    return messages[0].splitlines()[0] if messages else None


def _bad_arguments(suite: str, expectation: Expectation, error: Exception) -> str:
    told = reason(error)
    return f"suite {suite}: {expectation.name} has arguments that don't fit: {told}"


def _plain(value: Any) -> Any:
    """A value that JSON can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _timestamp(value: Any) -> Any:
    """A date as midnight, the form that the frames have."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time.min)
    return value
