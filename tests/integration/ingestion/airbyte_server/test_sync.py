"""Syncs on a server: started, joined, failed, refused, and on a server that is out of order."""

from datetime import timedelta

import pytest

from fakes.airbyte_server import CLIENT_SECRET, PASSWORD, USERNAME
from ingestion.airbyte.loader import BackendUnavailableError
from ingestion.airbyte.sync import SyncError
from support.http_server import refused_port
from support.reports import streams_of

COUNTS = {"recordsEmitted": 12, "recordsCommitted": 10, "bytesEmitted": 480}


def starts(airbyte):
    return [path for method, path in airbyte.asked if method == "POST" and path.endswith("/jobs")]


def test_a_sync_is_started_and_waited_for_and_its_counts_are_told_by_stream(airbyte, sync):
    airbyte.counts = {"users": COUNTS}
    report = sync()
    assert airbyte.started == [1]
    assert airbyte.jobs[1].status == "succeeded"
    users, products, _ = report
    assert (users.table_name, users.outcome) == ("shop_customers", "complete")
    assert (users.rows_read, users.rows_loaded, users.bytes_read) == (12, 10, 480)
    assert users.facts["airbyte_job"] == 1
    assert users.facts["joined"] is False
    assert (products.rows_read, products.rows_total) == (None, None)
    assert "doesn't tell" in products.facts["not_known"]
    assert "the warehouse has no freelancer_raw.shop_products" in products.facts["not_known"]


@pytest.mark.parametrize("status", ["pending", "running", "incomplete"])
def test_a_sync_that_runs_is_joined_and_no_other_is_started(airbyte, sync, status):
    airbyte.add_job(["running", "incomplete", "running", "succeeded"], status=status)
    report = sync()
    assert airbyte.started == []
    assert starts(airbyte) == []
    assert report[0].facts["joined"] is True


def test_a_running_sync_is_found_behind_pages_of_older_jobs(airbyte, sync):
    for _ in range(230):
        airbyte.add_job([], status="succeeded", age=timedelta(hours=2))
    airbyte.add_job(["running"] * 3 + ["succeeded"], status="running")
    assert sync()[0].facts["airbyte_job"] == 231
    pages = [path for _, path in airbyte.asked if "/jobs?" in path]
    assert len(pages) == 3
    assert starts(airbyte) == []


def test_a_sync_that_begins_between_our_look_and_our_start_is_joined(airbyte, sync):
    def begin_another(method, path):
        if method == "POST" and path.endswith("/jobs") and not airbyte.jobs:
            airbyte.add_job(["succeeded"], status="running")

    airbyte.fault = begin_another
    assert sync()[0].facts["joined"] is True
    assert airbyte.started == []


def test_a_reset_is_waited_for_before_the_sync_starts(airbyte, sync):
    airbyte.add_job(["running", "succeeded"], type="reset")
    report = sync()
    assert airbyte.started == [2]
    assert report[0].facts["airbyte_job"] == 2


def test_a_sync_that_fails_tells_the_servers_reason_and_what_was_committed(airbyte, sync):
    airbyte.course = ["running", "failed"]
    airbyte.counts = {"users": COUNTS}
    airbyte.failures = [
        {"failureOrigin": "source", "externalMessage": "The shop's API key has run out"},
        {"failureOrigin": "destination", "internalMessage": "closed\nby peer"},
    ]
    with pytest.raises(SyncError) as caught:
        sync()
    assert str(caught.value).endswith(
        f"at {airbyte.url}: job 1 failed: source: The shop's API key has run out; "
        "destination: closed by peer"
    )
    assert [s.outcome for s in streams_of(caught.value.done)] == [
        "checkpoint",
        "discarded",
        "discarded",
    ]


def test_a_server_that_keeps_details_to_itself_still_syncs_and_fails_understandably(airbyte, sync):
    airbyte.tells_details = False
    assert sync()[0].rows_read is None
    airbyte.course = ["failed"]
    with pytest.raises(SyncError, match="job 2 failed: the server's API doesn't tell why"):
        sync()


def test_a_sync_that_someone_cancels_on_the_server_is_told(airbyte, sync):
    airbyte.course = ["running", "cancelled"]
    with pytest.raises(SyncError, match="job 1 was cancelled on the server"):
        sync()


def test_bursts_of_5xx_and_broken_connections_are_waited_out(airbyte, sync):
    faults = iter([503, "drop", 500, None, 502, None, 504, "drop", 429, None, 500, None, 503])
    airbyte.fault = lambda *_: next(faults, None)
    assert sync()[0].outcome == "complete"
    assert airbyte.started == [1]


def test_a_token_that_runs_out_while_polling_is_renewed(airbyte, sync):
    airbyte.uses_of_a_token = 2
    airbyte.course = ["running"] * 7 + ["succeeded"]
    assert sync()[0].outcome == "complete"
    assert airbyte.started == [1]
    assert len(airbyte.tokens) > 4


def test_a_user_and_password_are_a_login_too(airbyte, sync, monkeypatch):
    airbyte.basic = True
    monkeypatch.delenv("AIRBYTE_CLIENT_ID")
    monkeypatch.delenv("AIRBYTE_CLIENT_SECRET")
    with pytest.raises(SyncError, match="it answered 401 Unauthorized; set AIRBYTE_CLIENT_ID"):
        sync()
    monkeypatch.setenv("AIRBYTE_USERNAME", USERNAME)
    monkeypatch.setenv("AIRBYTE_PASSWORD", PASSWORD)
    assert sync()[0].outcome == "complete"


@pytest.mark.parametrize("fault", ["500 after", "drop after"])
def test_a_start_whose_answer_is_lost_is_not_repeated(airbyte, sync, fault):
    def lose_the_answer(method, path):
        first = method == "POST" and path.endswith("/jobs") and not airbyte.started
        return fault if first else None

    airbyte.fault = lose_the_answer
    airbyte.course = ["succeeded"]
    report = sync()
    assert airbyte.started == [1]
    assert report[0].facts["joined"] is False


def test_a_wrong_secret_is_told_without_it(airbyte, sync, monkeypatch, caplog):
    wrong = CLIENT_SECRET + "-of-yesterday"
    monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", wrong)
    caplog.set_level("DEBUG")
    with pytest.raises(SyncError) as caught:
        sync()
    told = str(caught.value)
    assert "it answered 401 invalid client" in told
    assert "set AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET" in told
    assert wrong not in told + caplog.text
    assert len(airbyte.asked) == 1


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        ("0c1fbb0e-8b8c-4b7e-9f7b-7a2f6f3f0002", "404 no such resource; check AIRBYTE_CONNECT"),
        ("shop", "422 shop is not a valid UUID; check AIRBYTE_CONNECTION_ID"),
        ("../jobs", "check AIRBYTE_CONNECTION_ID"),
    ],
)
def test_a_connection_that_is_not_there_is_named(airbyte, sync, monkeypatch, connection, told):
    monkeypatch.setenv("AIRBYTE_CONNECTION_ID", connection)
    with pytest.raises(SyncError) as caught:
        sync()
    assert str(caught.value).startswith(f"Airbyte connection {connection} (shop) at {airbyte.url}")
    assert told in str(caught.value)
    assert airbyte.started == []


def test_an_application_that_may_only_read_is_refused_at_once(airbyte, sync):
    airbyte.may_run = False
    with pytest.raises(SyncError, match=r"403 User does not have .* role of a runner or editor"):
        sync()
    assert len(starts(airbyte)) == 1


def test_streams_that_the_server_does_not_sync_are_named_before_anything_starts(airbyte, sync):
    airbyte.connect(streams=("users", "orders"))
    with pytest.raises(SyncError, match=r"does not sync products, purchases, which shop.yml decl"):
        sync()
    assert airbyte.started == []


def test_a_server_that_is_gone_for_good_is_an_error_after_the_retries(airbyte, sync, monkeypatch):
    monkeypatch.setenv("AIRBYTE_REQUEST_RETRIES", "2")
    airbyte.fault = lambda _, path: 503 if "/jobs/" in path else None
    with pytest.raises(SyncError, match=r"job 1: it answered 503 .*the next run joins it"):
        sync()
    assert len([path for _, path in airbyte.asked if "/jobs/1" in path]) == 3
    assert airbyte.cancelled == []


def test_a_server_that_refuses_connections_is_named_with_its_variables(airbyte, sync, monkeypatch):
    monkeypatch.setenv("AIRBYTE_REQUEST_RETRIES", "1")
    with refused_port() as port:
        monkeypatch.setenv("AIRBYTE_PORT", str(port))
        with pytest.raises(SyncError, match=f"127.0.0.1:{port}: connection refused.*AIRBYTE_HOST"):
            sync()


def test_a_sync_of_ours_that_outlasts_its_deadline_is_cancelled(airbyte, sync, monkeypatch):
    monkeypatch.setenv("AIRBYTE_DEADLINE_SECONDS", "1")
    airbyte.course = ["running"]
    with pytest.raises(SyncError, match="did not end within 1 s and was told to stop"):
        sync()
    assert airbyte.cancelled == [1]


def test_a_sync_of_others_that_outlasts_our_deadline_goes_on(airbyte, sync, monkeypatch):
    monkeypatch.setenv("AIRBYTE_DEADLINE_SECONDS", "1")
    airbyte.add_job([], status="running")
    with pytest.raises(SyncError, match="goes on: it was not started here"):
        sync()
    assert airbyte.cancelled == []


def test_several_declared_connections_do_not_fit_one_connection_id(
    airbyte, sync, tmp_path, monkeypatch
):
    declared = "connector: {package: source-x==1, executable: x}\nstreams: {users: {}}\n"
    for name in ("crm", "desk"):
        (tmp_path / f"{name}.yml").write_text(f"name: {name}\n{declared}")
    monkeypatch.setenv("AIRBYTE_CONNECTION_FILE", str(tmp_path))
    with pytest.raises(BackendUnavailableError, match="declares 2: crm, desk; name one file"):
        sync()
    assert airbyte.asked == []
