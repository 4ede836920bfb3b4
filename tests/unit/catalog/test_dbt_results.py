"""Results of dbt's tests become the same events as in DataHub's dbt source."""

import pytest
from datahub.emitter.mcp import MetadataChangeProposalWrapper as Proposal
from datahub.ingestion.source.dbt.dbt_core import (
    DBTRunMetadata,
    DBTRunResult,
    _parse_test_result,
)
from datahub.ingestion.source.dbt.dbt_tests import make_assertion_result_from_test
from datahub.metadata import schema_classes as s

from catalog.dbt_results import DbtResultsError, result_proposals
from catalog.urns import Naming

TABLE = Naming("warehouse").dbt_node("marts", "cash_in")
ASSERTION = "urn:li:assertion:1"
DEFINITION = Proposal(
    entityUrn=ASSERTION,
    aspect=s.AssertionInfoClass(
        type=s.AssertionTypeClass.CUSTOM,
        customProperties={"dbt_unique_id": "test.books.mine"},
        customAssertion=s.CustomAssertionInfoClass(type="dbt", entity=TABLE),
    ),
)
METADATA = {
    "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
    "dbt_version": "1.11.16",
    "generated_at": "2026-11-27T23:31:36.607561Z",
    "invocation_id": "3054a7ea",
}
TIMING = [
    {"name": "compile", "started_at": "2026-11-27T23:31:34.332335Z", "completed_at": None},
    {"name": "execute", "started_at": "2026-11-27T23:31:34.354151Z", "completed_at": None},
]


def result(status: str, **more) -> dict:
    return {"unique_id": "test.books.mine", "status": status, "timing": TIMING, **more}


@pytest.mark.parametrize(
    "outcome",
    [
        result("pass", failures=0),
        result("success"),
        result("fail", failures=3, message="Got 3 results, configured to fail if != 0"),
        result("warn", failures=1, message=None),
        result("error", message="no such column"),
        result("error", timing=[]),
        result("runtime error", timing=[{"name": "execute", "started_at": None}]),
    ],
)
def test_an_outcome_is_the_event_that_the_source_makes(outcome):
    [event] = result_proposals([DEFINITION], [{"metadata": METADATA, "results": [outcome]}])
    theirs = _parse_test_result(
        DBTRunMetadata.model_validate(METADATA), DBTRunResult.model_validate(outcome)
    )
    assert event == make_assertion_result_from_test(
        None, theirs, ASSERTION, TABLE, test_warnings_are_errors=True
    )


def test_what_is_no_result_of_a_known_test_is_left_out():
    others = [
        result("skipped"),
        {**result("success"), "unique_id": "model.books.mine"},
        {**result("pass"), "unique_id": "test.books.another"},
    ]
    documents = [{"metadata": METADATA, "results": others}]
    assert list(result_proposals([DEFINITION], documents)) == []


def test_results_that_dbt_would_not_write_are_refused_in_one_line():
    with pytest.raises(DbtResultsError, match=r"found metadata: Field required, expected what dbt"):
        list(result_proposals([DEFINITION], [{"results": []}]))
