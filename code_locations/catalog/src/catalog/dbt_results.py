"""Results of dbt's tests, as runs of the assertions that DataHub's dbt source made from the tests.

The source could make them itself. But results come every day while tests stay, and the rest of its
output can be reused only if it has no results in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from stack.errors import StackError

if TYPE_CHECKING:
    from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
    from datahub.ingestion.source.dbt.dbt_tests import DBTTestResult


class DbtResultsError(StackError):
    """dbt's results don't have dbt's format."""


class _Timing(BaseModel):
    name: str | None = None
    started_at: datetime | None = None


class _Result(BaseModel):
    unique_id: str
    status: str
    timing: list[_Timing] = []
    failures: int | None = None
    message: str | None = None


class _Metadata(BaseModel):
    generated_at: datetime
    invocation_id: str


class _Document(BaseModel):
    metadata: _Metadata
    results: list[_Result] = []


def result_proposals(
    definitions: Iterable[Proposal], documents: Iterable[Any]
) -> Iterator[Proposal]:
    """A run event for each assertion among the definitions that has a result in a document.

    A skipped test has none. Raises DbtResultsError.
    """
    from datahub.ingestion.source.dbt.dbt_tests import make_assertion_result_from_test
    from datahub.metadata.schema_classes import AssertionInfoClass

    results: dict[str, list[DBTTestResult]] = {}
    for document in documents:
        for test, result in _results(document):
            results.setdefault(test, []).append(result)
    for definition in definitions:
        info = definition.aspect
        if not isinstance(info, AssertionInfoClass) or info.customAssertion is None:
            continue
        for result in results.get(info.customProperties.get("dbt_unique_id", ""), ()):
            yield make_assertion_result_from_test(
                None,  # type: ignore[arg-type] # the test itself, which is not looked at
                result,
                str(definition.entityUrn),
                info.customAssertion.entity,
                test_warnings_are_errors=True,  # a failure of low severity, not a success
            )


def _results(document: Any) -> Iterator[tuple[str, DBTTestResult]]:
    from datahub.ingestion.source.dbt.dbt_tests import DBTTestResult

    try:
        parsed = _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise DbtResultsError(
            "results of dbt's tests",
            found=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            expected="what dbt writes as run_results.json",
            next_step="run dbt_test again",
        ) from None
    for result in parsed.results:
        if not result.unique_id.startswith("test.") or result.status == "skipped":
            continue
        native = {}
        if result.status not in ("pass", "success"):
            native["message"] = result.message or ""
            if result.failures:
                native["failures"] = str(result.failures)
        started = {timing.name: timing.started_at for timing in result.timing}
        yield (
            result.unique_id,
            DBTTestResult(
                invocation_id=parsed.metadata.invocation_id,
                status=result.status,
                native_results=native,
                execution_time=started.get("execute") or parsed.metadata.generated_at,
            ),
        )
