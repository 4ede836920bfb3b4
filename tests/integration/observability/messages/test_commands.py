"""`stack notify` and `stack incidents`, called as by a person."""

import json

import dagster as dg
import pytest
from click.testing import CliRunner

from observability.messages.cli import NoChannelError, incidents, notify
from stack.automation import opened_instance
from stack.pipelines import DAILY
from stack.tags import PIPELINE_TAG
from support.homes import set_home
from support.http_server import Reply, http_server, refused_port


def failing_night(instance):
    @dg.asset(
        key=["marts", "cash_in"],
        check_specs=[dg.AssetCheckSpec("whole", asset=["marts", "cash_in"])],
    )
    def cash_in():
        yield dg.AssetCheckResult(passed=False, check_name="whole")
        raise ValueError("no")

    job = dg.define_asset_job(DAILY.name, tags={PIPELINE_TAG: DAILY.name})
    defs = dg.Definitions(assets=[cash_in], jobs=[job])
    defs.resolve_job_def(DAILY.name).execute_in_process(instance=instance, raise_on_error=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)  # that of a test before

    def configure(**variables):
        set_home(monkeypatch, tmp_path / "stack", **variables)

    return configure


def called(command, *arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)


def test_each_channel_says_whether_it_took_the_test_and_one_that_did_not_is_exit_code_2(home):
    with http_server(lambda _: Reply(200)) as works, refused_port() as refused:
        home(
            NOTIFY_URLS=f"{works.url.replace('http', 'json')} mailto://127.0.0.1:{refused}?from=a@b.c&to=hunter2@b.c"
        )
        result = called(notify, "test")
        only = called(notify, "test", "--channel", "json")
    json_line, mail_line = result.output.splitlines()
    assert json_line == "json: sent"
    assert mail_line.startswith("mailto: found ")
    assert "hunter2" not in mail_line
    assert (result.return_value, only.return_value, only.output) == (2, 0, "json: sent\n")
    assert len(works.requests) == 2


def test_a_channel_of_another_name_and_none_at_all_are_told_in_one_line(home):
    home(NOTIFY_URLS="json://127.0.0.1")
    with pytest.raises(NoChannelError, match="channel slack: found none of that name, expected js"):
        called(notify, "test", "--channel", "slack")
    home()
    with pytest.raises(NoChannelError, match="set NOTIFY_URLS"):
        called(notify, "test")


def test_channels_are_listed_with_what_they_want_and_without_their_urls(home):
    home(NOTIFY_URLS="error=ntfy://hunter2hunter2 json://127.0.0.1")
    assert called(notify).output.splitlines() == [
        "ntfy: error and worse; 0 sent, 0 wait",
        "json: everything; 0 sent, 0 wait",
    ]


def test_incidents_are_listed_with_what_follows_from_each(home):
    home()
    with opened_instance() as instance:
        failing_night(instance)
    lines = called(incidents).output.splitlines()
    assert lines[0].startswith(f"error    {DAILY.name} failed in marts__cash_in, for ")
    assert lines[1] == "           with it: check whole of marts.cash_in failed"
    assert len(lines) == 2


def test_in_a_new_stack_nothing_is_known_to_be_wrong(home):
    home()
    assert called(incidents).output == "Nothing is known to be wrong.\n"
    assert json.loads(called(incidents, "--json").output) == []
