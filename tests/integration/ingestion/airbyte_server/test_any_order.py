"""However the server fails, and whenever it is interrupted: one sync at most, and none lost."""

import logging
import signal
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from fakes.airbyte_server import (
    ACTIVE,
    CLIENT_ID,
    CLIENT_SECRET,
    CONNECTION,
    FakeAirbyte,
    fake_airbyte,
)
from ingestion.airbyte.server.client import ServerClient
from ingestion.airbyte.server.running import ServerSync
from ingestion.settings import AirbyteSettings
from support.examples import examples

RETRIES = 8
KINDS = ("token", "list", "start", "look")
FAULTS = st.sampled_from([None, None, 500, 503, 408, 429, "drop", "500 after", "drop after"])


def server_sync(airbyte: FakeAirbyte) -> ServerSync:
    chosen = AirbyteSettings(
        airbyte_connection_id=CONNECTION,
        airbyte_host="127.0.0.1",
        airbyte_port=airbyte.port,
        airbyte_client_id=CLIENT_ID,
        airbyte_client_secret=SecretStr(CLIENT_SECRET),
        airbyte_poll_seconds=0.001,
        airbyte_request_retries=RETRIES,
    )
    logger = logging.getLogger("airbyte of the tests")
    client = ServerClient.of(chosen, logger)
    return ServerSync(client, CONNECTION, poll_s=0.001, deadline_s=600, logger=logger)


def kind_of(method: str, path: str) -> str:
    if path.endswith("/token"):
        return "token"
    if path.endswith("/jobs"):
        return "list" if method == "GET" else "start"
    return "look"


@settings(max_examples=examples(60))
@given(
    # As many in all as one request may be retried, whatever the order.
    faults=st.fixed_dictionaries({kind: st.lists(FAULTS, max_size=2) for kind in KINDS}),
    course=st.lists(st.sampled_from(["pending", "running", "incomplete"]), max_size=3),
    end=st.sampled_from(["succeeded", "failed", "cancelled"]),
    there=st.sampled_from([None, "sync", "reset"]),
    another_at=st.none() | st.integers(0, 8),
)
def test_at_most_one_sync_is_started_and_its_end_is_told(faults, course, end, there, another_at):
    with fake_airbyte() as airbyte:
        airbyte.course = [*course, end]
        if there:
            airbyte.add_job([*course, end], status="running", type=there)
        left = {kind: list(found) for kind, found in faults.items()}

        def fault(method, path):
            idle = not any(job.status in ACTIVE for job in airbyte.jobs.values())
            if len(airbyte.asked) - 1 == another_at and idle:  # by the connection's own schedule
                airbyte.add_job([*course, end], status="running")
            coming = left[kind_of(method, path)]
            return coming.pop(0) if coming else None

        airbyte.fault = fault
        sync = server_sync(airbyte)
        job = sync.run()
        ours = airbyte.started
    assert len(ours) <= 1
    assert (job.type, job.status) == ("sync", end)
    assert airbyte.jobs[job.id].status == end
    assert airbyte.cancelled == []
    if there != "sync" and another_at is None:
        assert (ours, sync.joined) == ([job.id], False)
    if there == "sync" and not any(faults["list"]):
        assert (ours, sync.joined, job.id) == ([], True, 1)


@pytest.mark.parametrize("there", [None, "running"])
@pytest.mark.parametrize("at", range(7))
def test_an_interrupt_at_any_request_cancels_our_sync_and_no_other(there, at):
    with fake_airbyte() as airbyte:
        airbyte.course = ["running"]
        if there:
            airbyte.add_job([], status=there)
        main = threading.main_thread().ident

        def interrupt(*_):
            if len(airbyte.asked) == at + 1:
                signal.pthread_kill(main, signal.SIGINT)

        airbyte.fault = interrupt
        with pytest.raises(KeyboardInterrupt):
            server_sync(airbyte).run()
        assert [j.status for j in airbyte.jobs.values() if j.id in airbyte.started] == (
            ["cancelled"] if airbyte.started else []
        )
        assert airbyte.cancelled == airbyte.started
        if there:
            assert (airbyte.started, airbyte.jobs[1].status) == ([], "running")
        elif at > 2:
            assert airbyte.started == [1]


def test_a_sync_that_cannot_be_cancelled_is_told_and_the_interrupt_goes_on(caplog):
    with fake_airbyte() as airbyte:
        airbyte.course = ["running"]
        main = threading.main_thread().ident

        def fault(method, _):
            if len(airbyte.asked) == 5:
                signal.pthread_kill(main, signal.SIGINT)
            return 503 if method == "DELETE" else None

        airbyte.fault = fault
        with pytest.raises(KeyboardInterrupt):
            server_sync(airbyte).run()
    assert "the sync can't be cancelled, it may go on: it answered 503" in caplog.text
