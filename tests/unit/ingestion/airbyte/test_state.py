"""STATE messages: what goes back to the connector, and what is committed with which rows."""

import pytest

from ingestion.airbyte.messages import State
from ingestion.airbyte.state import StateLog

CONNECTOR = "source-crm"


def stream_state(name: str, cursor: int) -> State:
    body = {"stream_descriptor": {"name": name}, "stream_state": {"cursor": cursor}}
    return State("STREAM", {"type": "STREAM", "stream": body})


def global_state(cursor: int, *names: str) -> State:
    streams = [{"stream_descriptor": {"name": name}, "stream_state": {}} for name in names]
    shared = {"shared_state": {"lsn": cursor}, "stream_states": streams}
    return State("GLOBAL", {"type": "GLOBAL", "global": shared})


def saved_by(*messages: State, incremental=("deals", "people")):
    log = StateLog({}, CONNECTOR, incremental)
    for message in messages:
        log.take(message)
    return log.merged(("deals", "people"))


def test_the_first_read_is_given_no_state():
    assert StateLog({}, CONNECTOR, {"deals"}).to_send() is None


def test_the_latest_state_of_each_stream_goes_back_as_it_came():
    saved = saved_by(stream_state("deals", 1), stream_state("people", 5), stream_state("deals", 2))
    assert StateLog(saved, CONNECTOR, {"deals", "people"}).to_send() == [
        stream_state("deals", 2).body,
        stream_state("people", 5).body,
    ]


def test_a_stream_that_is_not_committed_keeps_its_state_of_before():
    saved = saved_by(stream_state("deals", 1), stream_state("people", 1))
    log = StateLog(saved, CONNECTOR, {"deals", "people"})
    log.take(stream_state("deals", 2))
    log.take(stream_state("people", 2))
    assert log.merged({"people"})["states"] == [
        stream_state("deals", 1).body,
        stream_state("people", 2).body,
    ]


def test_a_read_without_any_state_keeps_the_one_of_before():
    saved = saved_by(stream_state("deals", 1))
    assert StateLog(saved, CONNECTOR, {"deals"}).merged({"deals"}) == saved


def test_a_global_state_covers_all_streams_and_goes_forward_only_with_all():
    saved = saved_by(global_state(1, "deals", "people"))
    log = StateLog(saved, CONNECTOR, {"deals", "people"})
    assert log.take(global_state(2, "deals", "people")) is None
    assert log.covers_all
    assert log.merged({"deals"}) == saved
    assert log.merged({"deals", "people"})["states"] == [global_state(2, "deals", "people").body]


def test_a_legacy_state_goes_back_as_its_data():
    log = StateLog(saved_by(State("LEGACY", {"data": {"cursor": 3}})), CONNECTOR, {"deals"})
    assert log.to_send() == {"cursor": 3}


def test_a_full_refresh_stream_never_goes_on_from_a_state():
    saved = saved_by(stream_state("deals", 1), stream_state("people", 1), incremental={"people"})
    assert StateLog(saved, CONNECTOR, {"people"}).to_send() == [stream_state("people", 1).body]
    whole = saved_by(global_state(1, "deals", "people"), incremental={"people"})
    [sent] = StateLog(whole, CONNECTOR, {"people"}).to_send()
    assert [s["stream_descriptor"]["name"] for s in sent["global"]["stream_states"]] == ["people"]


def test_the_state_of_another_connector_is_not_sent():
    log = StateLog(saved_by(stream_state("deals", 1)), "source-other", {"deals"})
    assert log.foreign == CONNECTOR
    assert log.to_send() is None


def test_a_stream_whose_table_is_gone_is_read_anew():
    saved = saved_by(stream_state("deals", 1), stream_state("people", 1))
    log = StateLog(saved, CONNECTOR, {"deals", "people"}, lost={"deals", "new"})
    assert log.forgotten == ["deals"]
    assert log.to_send() == [stream_state("people", 1).body]


@pytest.mark.parametrize(
    "message", [global_state(1, "deals", "people"), State("LEGACY", {"data": {"deals": {}}})]
)
def test_a_state_of_all_streams_goes_with_one_table_but_not_for_a_new_stream(message):
    saved = saved_by(message)
    assert StateLog(saved, CONNECTOR, {"deals"}, lost={"new"}).to_send() is not None
    assert StateLog(saved, CONNECTOR, {"deals"}, lost={"deals"}).to_send() is None


def test_streams_that_are_no_longer_read_are_forgotten():
    saved = saved_by(stream_state("deals", 1), stream_state("people", 1))
    assert StateLog(saved, CONNECTOR, {"deals"}).to_send() == [stream_state("deals", 1).body]
