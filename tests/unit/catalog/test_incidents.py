"""An incident is raised once and resolved once, however often and late it is reported."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.expectations import expectation_proposals
from catalog.incidents import TOLD_FOR, Incidents, incident_proposals
from catalog.urns import Naming
from stack.gx_artifacts import ExpectationResult, ValidationResult

NAMING = Naming("warehouse")
START = datetime(2026, 3, 1, tzinfo=UTC)
OUTCOMES = ("passes", "fails", "errs", "gone")


def result(name: str, outcome: str) -> ExpectationResult:
    return ExpectationResult(
        schema_name="marts",
        table="cash_in",
        check_name=name,
        expectation_type="expect_column_values_to_not_be_null",
        success=outcome == "passes",
        error="no such column" if outcome == "errs" else None,
        unexpected_count=3,
        element_count=10,
        severity="warning",
        because="An amount is owed.",
    )


def proposals(outcomes: dict[str, str], at: datetime):
    results = tuple(result(name, o) for name, o in outcomes.items() if o != "gone")
    validation = ValidationResult(success=False, checkpoint="c", run_id="r", results=results)
    return list(expectation_proposals(NAMING, validation, at, "raw_schema"))


def told(incidents: Incidents) -> dict[str, dict]:
    """What a catalog would have, by the incident's URN."""
    return {
        p.entityUrn: p.to_obj(simplified_structure=True)["aspect"]["json"]
        for p in incident_proposals(NAMING, incidents)
        if p.validate()
    }


def test_a_failing_check_is_an_incident_until_it_passes():
    raised = Incidents().then(proposals({"known": "fails"}, START), START, complete=True)
    [(urn, open_one)] = told(raised).items()
    assert open_one["title"] == "known fails on marts.cash_in"
    assert open_one["description"] == "3 rows do not meet it. An amount is owed."
    assert (open_one["status"]["state"], open_one["priority"]) == ("ACTIVE", 2)
    assert open_one["source"]["type"] == "ASSERTION_FAILURE"
    later = START + timedelta(days=1)
    still = raised.then(proposals({"known": "fails"}, later), later, complete=True)
    assert still == raised
    over = still.then(proposals({"known": "passes"}, later), later, complete=True)
    [(same, closed)] = told(over).items()
    assert (same, closed["status"]["state"]) == (urn, "RESOLVED")
    assert closed["status"]["lastUpdated"]["time"] == later.timestamp() * 1000
    assert closed["created"] == open_one["created"]


@pytest.mark.parametrize(("complete", "state"), [(True, "RESOLVED"), (False, "ACTIVE")])
def test_a_check_that_is_no_more_is_over_if_the_run_can_tell(complete, state):
    raised = Incidents().then(proposals({"known": "fails"}, START), START, complete=True)
    after = raised.then([], START + timedelta(days=1), complete=complete)
    assert [one["status"]["state"] for one in told(after).values()] == [state]


def test_a_resolved_one_is_told_for_a_while_and_an_open_one_for_ever():
    raised = Incidents().then(proposals({"a": "fails", "b": "fails"}, START), START, complete=True)
    over = raised.then(proposals({"a": "passes", "b": "fails"}, START), START, complete=True)
    long_after = START + TOLD_FOR + timedelta(days=1)
    left = over.then(proposals({"a": "passes", "b": "fails"}, START), long_after, complete=True)
    assert [one["status"]["state"] for one in told(left).values()] == ["ACTIVE"]


@given(
    st.lists(
        st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(("", "before", "after", "twice"))),
        max_size=12,
    )
)
def test_each_stretch_of_failures_is_one_incident(nights):
    """A run may be killed before or after it keeps what is open, or run twice; it is made again."""
    kept, seen = Incidents(), {}
    stretches, is_open = 0, False
    for number, (outcome, accident) in enumerate(nights):
        judged = START + timedelta(days=number)
        for again in range(2 if accident else 1):
            found = proposals({"known": outcome}, judged)
            after = kept.then(found, judged + timedelta(hours=again), complete=True)
            if accident == "before" and not again:
                continue
            kept = Incidents.model_validate_json(after.model_dump_json())
            if accident == "after" and not again:
                continue
            for urn, incident in told(kept).items():
                seen.setdefault(urn, []).append(incident["status"]["state"])
        stretches += outcome == "fails" and not is_open
        is_open = outcome == "fails" or (is_open and outcome == "errs")
    assert len(seen) == stretches
    assert kept.opened == is_open
    for states in seen.values():
        assert states == sorted(states), "ACTIVE, then RESOLVED, and never back"
