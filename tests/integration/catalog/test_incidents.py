"""Failed checks that stop the pipeline before the catalog still become incidents."""

from datetime import UTC, datetime, timedelta

from integration.catalog.conftest import VALIDATION, run_catalog
from stack.activity import ActivityLog, reads_of_tables
from stack.dbt_artifacts import TEST_RESULTS
from stack.gx_artifacts import write_validation


def gx_validated(store, run_id: str, *, success: bool) -> None:
    """A run in which the first expectation passed or failed, as quality leaves it."""
    first, *others = VALIDATION.results
    results = (first.model_copy(update={"success": success}), *others)
    write_validation(store, VALIDATION.model_copy(update={"run_id": run_id, "results": results}))
    reads = reads_of_tables([[("", "marts", "client_revenue")]], "great_expectations", run_id)
    ActivityLog(store.url).append(reads)


def dbt_tested(store, run_id: str, status: str) -> None:
    """A run of dbt's tests in which all passed or failed."""
    document = store.get_json(TEST_RESULTS)
    at = datetime.now(UTC) + timedelta(seconds=len(run_id))
    document["metadata"].update(invocation_id=run_id, generated_at=at.isoformat())
    for result in document["results"]:
        result.update(status=status, failures=2, timing=[])
    store.put_json(run_id, TEST_RESULTS, document)
    reads = reads_of_tables([[("", "marts", "client_revenue")]], "dbt_test", run_id)
    ActivityLog(store.url).append(reads)


def incidents(run) -> dict[str, list[str]]:
    """States of all incidents, by title."""
    found: dict[str, list[str]] = {}
    for (_, name), info in sorted(run.catalog.aspects.items()):
        if name == "incidentInfo":
            found.setdefault(info["title"], []).append(info["status"]["state"])
    return found


def test_a_failure_that_no_catalogue_run_saw_is_raised_and_resolved(written_before, store):
    stack, before = written_before.catalog.home, incidents(written_before)
    for number in range(2):
        gx_validated(store, f"stopped-{number}", success=False)
        dbt_tested(store, f"stopped-{number}", "fail")
    gx_validated(store, "mended", success=True)
    dbt_tested(store, "mended!", "pass")
    run = run_catalog(stack)
    raised = incidents(run)
    assert raised.pop("revenue_is_known fails on marts.client_revenue") == ["RESOLVED"]
    assert raised.pop("unique_client_revenue_client_id fails on marts.client_revenue") == [
        "RESOLVED"
    ]
    of_dbt = "positive_client_revenue_revenue fails on marts.client_revenue"
    assert (before[of_dbt], raised[of_dbt]) == (["ACTIVE"], ["RESOLVED"])
    again = run_catalog(stack)
    assert incidents(again) == incidents(run), "what was told is told no second time"


def test_a_full_refresh_keeps_what_is_open(written_before, store):
    stack, first = written_before.catalog.home, written_before
    assert first.metadata["incidents_open"] == 2
    urns = {urn for urn, name in first.catalog.aspects if name == "incidentInfo"}
    gx_validated(store, "another", success=True)  # judged again, the others as before
    second = run_catalog(stack, force_full_refresh=True)
    assert {urn for urn, name in second.catalog.aspects if name == "incidentInfo"} == urns
