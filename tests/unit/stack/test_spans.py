"""The spans of a run, from its events and dbt's results."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from stack.tags import PIPELINE_ID_TAG, PIPELINE_TAG, STAGE_TAG
from stack.tracing.sending import spans_of_run
from stack.tracing.spans import span_id, spans_of, trace_id

FIRST = "3d1bf7cd-8fdc-4700-869b-c39a1d074d6a"
LATER = "8f40935f-bdcc-4904-8cde-e04200c8a845"


def execute(*assets, tags=None, run_id=FIRST):
    """The record and events of an ended run of these assets."""
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.Definitions(assets=[*assets], jobs=[dg.define_asset_job("daily")])
        job.resolve_job_def("daily").execute_in_process(
            instance=instance, tags=tags, run_id=run_id, raise_on_error=False
        )
        return instance.get_run_record_by_id(run_id), instance.all_logs(run_id)


@dg.asset
def orders() -> None:
    """A table."""


def by_name(spans):
    found = {span.name: span for span in spans}
    assert len(found) == len(spans)
    return found


def test_the_trace_has_the_pipelines_id(stack_home):
    (run, *_) = spans_of(*execute(orders))
    assert f"{run.trace:032x}" == FIRST.replace("-", "")
    assert run.parent == 0


@pytest.mark.parametrize("name", ["not-a-uuid", ""])
def test_any_other_id_has_a_trace_too(name):
    assert 0 < trace_id(name) < 1 << 128
    assert 0 < span_id(name) < 1 << 64


def test_a_later_stage_is_below_the_first_run(stack_home):
    tags = {PIPELINE_ID_TAG: FIRST, PIPELINE_TAG: "daily", STAGE_TAG: "quality"}
    (run, *_) = spans_of(*execute(orders, tags=tags, run_id=LATER))
    assert (run.trace, run.parent) == (trace_id(FIRST), span_id(FIRST))
    assert run.name == "daily quality"


def test_a_run_made_again_names_the_one_before(stack_home):
    tags = {"dagster/parent_run_id": FIRST}
    (run, *_) = spans_of(*execute(orders, tags=tags, run_id=LATER))
    assert run.follows == (trace_id(FIRST), span_id(FIRST))


def test_each_attempt_of_a_step_is_a_span(stack_home):
    tried = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=1))
    def flaky() -> None:
        tried.append(1)
        if len(tried) == 1:
            raise ValueError("not yet")

    spans = spans_of(*execute(flaky))
    steps = [span for span in spans if span.name == "flaky"]
    assert [span.attributes["dagster.step.attempt"] for span in steps] == [1, 2]
    assert len({span.id for span in steps}) == 2
    assert ("not yet" in steps[0].error, steps[1].error) == (True, None)
    assert spans[0].error is None


def test_a_failed_run_says_why(stack_home):
    @dg.asset
    def broken() -> None:
        raise ValueError("no such table")

    spans = by_name(spans_of(*execute(broken)))
    assert "no such table" in spans["broken"].error
    assert "no such table" in spans["daily"].error or "broken" in spans["daily"].error


def test_nodes_that_dbt_ran_in_a_step_are_below_it_and_those_that_held_are_not(stack_home):
    record, events = execute(orders)
    (step,) = [span for span in spans_of(record, events) if span.name == "orders"]

    def result(name, begun, status="success"):
        at = datetime.fromtimestamp(begun, UTC)
        times = {"started_at": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}
        times["completed_at"] = times["started_at"]
        return {
            "unique_id": name, "status": status, "timing": [{"name": "execute", **times}],
            "message": "it broke",
        }  # fmt: skip

    middle = (step.begun + step.ended) / 2
    yesterday = step.begun - timedelta(days=1).total_seconds()
    nodes = [
        result("model.a", middle), result("model.b", middle, "error"),
        result("model.held", yesterday), {"unique_id": "model.c", "status": "skipped"},
    ]  # fmt: skip
    found = {span.name: span for span in spans_of(record, events, nodes) if "dbt" in str(span)}
    assert set(found) == {"model.a", "model.b"}
    assert {span.parent for span in found.values()} == {step.id}
    assert (found["model.a"].error, found["model.b"].error) == (None, "it broke")


def test_a_run_that_is_gone_has_no_spans(stack_home):
    with dg.DagsterInstance.ephemeral() as instance:
        assert spans_of_run(instance, FIRST) == []
