"""A connector's lines: which are messages, which are broken, and which are neither."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.airbyte.messages import (
    Estimate,
    Failure,
    NotAMessageError,
    Other,
    Record,
    State,
    StreamStatus,
    parse,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def line(kind: str, **body) -> bytes:
    return json.dumps({"type": kind, **body}).encode()


@given(data=st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_a_record_s_values_come_through_as_they_are(data):
    content = line("RECORD", record={"stream": "deals", "data": data, "emitted_at": 1})
    assert parse(content) == Record("deals", data, len(content))


@given(text=st.binary())
def test_no_line_raises_anything_but_the_two_errors(text):
    try:
        parse(text)
    except ValueError as error:
        assert type(error).__name__ in ("NotAMessageError", "MalformedMessageError")


@given(content=JSON)
def test_json_without_a_type_is_no_message(content):
    with pytest.raises(NotAMessageError):
        parse(json.dumps(content).encode())


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud800"'])
def test_what_python_writes_beyond_json_is_read(value):
    text = f'{{"type": "RECORD", "record": {{"stream": "s", "data": {{"v": {value}}}}}}}'
    assert list(parse(text.encode()).data) == ["v"]


def test_state_keeps_its_body_and_of_the_statistics_its_count():
    stream = {"stream_descriptor": {"name": "deals"}, "stream_state": {"cursor": 1}}
    message = parse(
        line("STATE", state={"type": "STREAM", "stream": stream, "sourceStats": {"recordCount": 1}})
    )
    assert message == State("STREAM", {"type": "STREAM", "stream": stream}, records=1)


def test_a_state_without_a_type_is_a_legacy_one():
    assert parse(line("STATE", state={"data": {"a": 1}})) == State("LEGACY", {"data": {"a": 1}})


def test_traces_are_told_apart():
    def trace(kind, **body):
        return parse(line("TRACE", trace={"type": kind, "emitted_at": 0, **body}))

    named = {"stream_descriptor": {"name": "deals"}}
    assert trace("ERROR", error={"message": "no", **named}) == Failure("no", None, None, "deals")
    estimate = {"name": "deals", "type": "STREAM", "row_estimate": 7.0}
    assert trace("ESTIMATE", estimate=estimate) == Estimate("deals", 7)
    assert trace("STREAM_STATUS", stream_status={**named, "status": "COMPLETE"}) == StreamStatus(
        "deals", "COMPLETE"
    )
    assert trace("ANALYTICS", analytics={}) == Other("TRACE ANALYTICS")
