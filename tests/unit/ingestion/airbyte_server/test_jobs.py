"""Jobs and statistics as reported by a server, even if it reports little or nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.airbyte.server.errors import NoAnswerError, RefusedError, brief
from ingestion.airbyte.server.jobs import Job, Statistics, StreamCounts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["job", "attempts", "attempt", "streamStats", "streamAggregatedStats", "stats",
                 "streamName", "recordsEmitted", "failureSummary", "failures", "externalMessage"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip


def test_a_job_is_read_whatever_the_case_of_its_words():
    job = Job.parse({"jobId": 7, "status": "RUNNING", "jobType": "SYNC", "rowsSynced": 3})
    assert job == Job(7, "running", "sync", rows=3)
    assert job.active


@pytest.mark.parametrize(
    "body", [{}, {"jobId": "x", "status": "running"}, {"jobId": 1}, {"jobId": 1, "status": "odd"}]
)
def test_an_answer_that_is_no_job_is_no_answer(body):
    with pytest.raises(NoAnswerError):
        Job.parse(body)


def test_counts_of_the_whole_job_go_before_those_of_its_last_attempt():
    last = {"streamName": "users", "stats": {"recordsEmitted": 2, "recordsCommitted": 1}}
    body = {"job": {}, "attempts": [{"attempt": {"streamStats": [last]}}]}
    assert Statistics.parse(body).streams == {"users": StreamCounts(2, 1, None)}
    body["job"] = {"streamAggregatedStats": [{"streamName": "users", "recordsEmitted": 9}]}
    assert Statistics.parse(body).streams == {"users": StreamCounts(9, None, None)}


def test_reasons_are_of_the_last_attempt_each_once():
    def attempt(*texts):
        failures = [{"failureOrigin": "source", "externalMessage": text} for text in texts]
        return {"attempt": {"failureSummary": {"failures": failures}}}

    found = Statistics.parse({"attempts": [attempt("old"), attempt("new", "new", "other")]})
    assert found.failures == ("source: new", "source: other")


@given(st.dictionaries(st.sampled_from(["job", "attempts"]), JSON))
def test_statistics_of_any_shape_are_read_or_left_out(body):
    found = Statistics.parse(body)
    assert all("\n" not in reason for reason in found.failures)


@given(st.text(max_size=600))
def test_a_message_is_one_printable_line(text):
    line = brief(text)
    assert line.isprintable()
    assert len(line) <= 300


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 418])
def test_each_refusal_has_a_next_step(status):
    told = str(RefusedError(status, "no"))
    assert told.startswith(f"it answered {status} no; ")
    assert len(told) > len(f"it answered {status} no; ")
