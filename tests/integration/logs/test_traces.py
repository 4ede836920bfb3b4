"""A pipeline is one trace, over all its runs' processes; a collector never fails a run."""

import logging
import time

import dagster as dg
import pytest

from stack.options import RunOptions, takes_options
from stack.tracing import sending
from support.collector import received
from support.http_server import Reply, http_server, refused_port

SECRET = "canary-7d1f"


def test_the_runs_of_two_stages_are_one_trace_with_one_root(night):
    first, second = night.runs["ingestion"], night.runs["transformation"]
    spans = night.spans
    assert {span.trace for span in spans} == {first.run_id.replace("-", "")}
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    (root,) = [span for span in spans if not span.parent]
    assert root.attributes["dagster.run.id"] == first.run_id
    assert not [span for span in spans if span.parent and span.parent not in by_id]
    (later,) = [s for s in spans if s.attributes.get("dagster.run.id") == second.run_id]
    assert later.parent == root.id
    assert later.begun >= root.begun
    assert {s.service for s in spans} == {"freelancer-data-stack"}


def test_each_step_is_a_span_of_its_run_with_what_it_made(night):
    steps = {
        s.attributes["dagster.step.key"]: s
        for s in night.spans
        if "dagster.step.key" in s.attributes
    }
    runs = {s.id: s for s in night.spans if "dagster.run.id" in s.attributes}
    assert runs[steps["talks"].parent].attributes["pipeline.stage"] == "ingestion"
    assert runs[steps["breaks"].parent].attributes["pipeline.stage"] == "transformation"
    for step in steps.values():
        assert runs[step.parent].begun <= step.begun < step.ended <= runs[step.parent].ended
    (made,) = steps["talks"].events
    assert made == {"dagster.asset.key": "talks", "dagster.metadata.rows": 3}


def test_the_time_in_the_queue_is_a_span(night):
    waits = [span for span in night.spans if span.name == "waits and starts"]
    assert len(waits) == 2
    assert all(span.ended > span.begun for span in waits)


def test_what_failed_says_why_and_no_secret(night):
    failed = {span.name: span.error for span in night.spans if span.error}
    assert failed["breaks"] == "ValueError: no, says ***"
    assert set(failed) == {"breaks", "incremental_sync_pipeline transformation"}
    assert {request.headers["api-key"] for request in night.requests} == {SECRET}
    assert not [r for r in night.requests if SECRET.encode() in r.body]


@takes_options
@dg.asset
def made(options: dg.ResourceParam[RunOptions]) -> None:
    """Something."""


@pytest.fixture
def endpoint(stack_home, monkeypatch):
    monkeypatch.setattr(sending, "PATIENCE_S", 1.5)
    return lambda url: monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)


def materialised_within(seconds: float) -> bool:
    begun = time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([made], instance=instance)
    return done.success and time.monotonic() - begun < seconds


@pytest.mark.parametrize("status", [400, 401, 503])
def test_a_collector_that_refuses_fails_no_run(endpoint, caplog, status):
    with http_server(lambda _: Reply(status)) as collector:
        endpoint(collector.url)
        assert materialised_within(60)
        assert collector.requests
    assert "was not sent" in caplog.text


def test_a_collector_that_is_silent_costs_a_bounded_time(endpoint, caplog):
    with http_server(lambda _: None) as collector:
        endpoint(collector.url)
        assert materialised_within(30)
    assert "was not sent" in caplog.text


def test_a_collector_that_is_not_there_fails_no_run(endpoint, caplog):
    with refused_port() as port:
        endpoint(f"http://127.0.0.1:{port}")
        assert materialised_within(60)
    assert "was not sent" in caplog.text


def test_without_the_variable_nothing_is_sent(stack_home, caplog):
    with caplog.at_level(logging.WARNING):
        assert materialised_within(60)
    assert "trace" not in caplog.text


def test_a_run_by_hand_is_a_trace_of_its_own(endpoint):
    with http_server(lambda _: Reply(200, b"")) as collector:
        endpoint(f"{collector.url}/")
        assert materialised_within(60)
        run, waits, step = received(collector.requests)
    assert not run.parent
    assert (waits.parent, step.parent) == (run.id, run.id)
    assert run.begun == waits.begun < waits.ended <= step.begun < step.ended <= run.ended
