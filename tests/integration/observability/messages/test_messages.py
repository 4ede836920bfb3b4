"""Real runs in a real instance, reported by real mail and webhooks."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg
import pytest

from observability.facts.looking import look
from observability.facts.model import Outcome
from observability.messages.store import Store
from observability.messages.telling import tell, tell_of_run, utc_now
from observability.metrics.messages import told
from observability.metrics.samples import Samples
from stack.one_machine.home import open_instance
from stack.outage import OutageError
from stack.pipelines import DAILY, RELEASE
from stack.settings import StackSettings, load_settings
from stack.tags import PIPELINE_TAG
from support.homes import set_home
from support.http_server import Reply, http_server, refused_port
from support.known_facts import DAY, NIGHT, dead, facts, schedule, turn
from support.mail_server import mail_server

WRONG: list[Exception] = []


@dg.asset(
    key=["marts", "cash_in"],
    check_specs=[dg.AssetCheckSpec("positive", asset=["marts", "cash_in"])],
)
def cash_in():
    """Fails while a test says so; its check finds a row."""
    for wrong in WRONG:
        raise wrong
    return dg.MaterializeResult(
        metadata={"dagster/row_count": 7},
        check_results=[
            dg.AssetCheckResult(
                passed=not NEGATIVE,
                check_name="positive",
                severity=dg.AssetCheckSeverity.ERROR,
                description="1 of 7 amounts is negative",
                metadata={"sample": dg.MetadataValue.md("| Anna | -5 |")},
            )
        ],
    )


NEGATIVE: list[int] = []
DEFS = dg.Definitions(
    assets=[cash_in],
    jobs=[dg.define_asset_job(DAILY.name, tags={PIPELINE_TAG: DAILY.name})],
)


@pytest.fixture
def mails():
    with mail_server() as server:
        yield server


@pytest.fixture
def chat():
    with http_server(lambda _: Reply(200)) as server:
        yield server


@pytest.fixture(autouse=True)
def all_is_well():
    WRONG.clear()
    NEGATIVE.clear()


@pytest.fixture
def home(tmp_path, monkeypatch):
    def configure(**variables):
        set_home(monkeypatch, tmp_path / "stack", **variables)

    configure()
    return configure


@pytest.fixture
def instance(home):
    with open_instance(load_settings(StackSettings)) as instance:
        yield instance


def night(instance):
    return DEFS.resolve_job_def(DAILY.name).execute_in_process(
        instance=instance, raise_on_error=False
    )


def text(mail):
    return mail.get_body(("plain",)).get_content()


def test_a_night_that_failed_is_one_mail_and_its_recovery_one_more(instance, home, mails):
    home(NOTIFY_URLS=mails.url(), UI_URL="http://stack.example.com")
    WRONG.append(ValueError("column amount is gone"))
    failed = night(instance)
    for _ in range(3):
        tell(instance)
    (mail,) = mails.mails
    assert mail["Subject"] == f"[ERROR] {DAILY.name} failed in marts__cash_in"
    assert text(mail).startswith("column amount is gone.")
    assert f"http://stack.example.com/runs/{failed.run_id}" in text(mail)
    assert "What to do: Correct the cause" in text(mail)

    night(instance)  # and again it fails: no news
    tell(instance)
    WRONG.clear()
    night(instance)
    for _ in range(3):
        tell(instance)
    assert len(mails.mails) == 2
    over = mails.mails[1]
    assert over["Subject"] == f"Over: {DAILY.name} failed in marts__cash_in"
    assert "It lasted" in text(over)
    assert over["References"] == mail["Message-ID"]


def test_a_failed_check_names_table_and_check_and_shows_rows_only_if_asked_to(
    instance, home, mails, chat
):
    NEGATIVE.append(1)
    night(instance)
    home(NOTIFY_URLS=mails.url())
    tell(instance)
    (mail,) = mails.mails
    assert mail["Subject"] == "[ERROR] check positive of marts.cash_in failed"
    assert "1 of 7 amounts is negative" in text(mail)
    assert "Anna" not in text(mail)

    NEGATIVE.clear()
    night(instance)
    home(NOTIFY_URLS=chat.url.replace("http", "json"), NOTIFY_SAMPLES="true")
    tell(instance)
    NEGATIVE.append(1)
    night(instance)
    tell(instance)
    told = [json.loads(request.body) for request in chat.requests]
    assert [message["title"][:5] for message in told] == ["Over:", "[ERRO"]
    assert "| Anna | -5 |" in told[1]["message"]
    assert told[1]["type"] == "failure"


def test_a_good_night_sends_nothing_but_pings_once(instance, home, mails, chat):
    home(NOTIFY_URLS=mails.url(), NOTIFY_PING_URL=f"{chat.url}/uuid")
    night(instance)
    tell(instance)
    tell(instance)
    assert mails.mails == []
    (ping,) = chat.requests
    assert (ping.method, ping.path) == ("POST", "/uuid")
    assert DAILY.name in ping.body.decode()


def test_a_failed_night_pings_only_where_that_is_wanted(instance, home, chat):
    WRONG.append(ValueError("no"))
    home(NOTIFY_PING_URL=f"{chat.url}/uuid")
    night(instance)
    tell(instance)
    assert chat.requests == []
    home(NOTIFY_PING_URL=f"{chat.url}/uuid?create=1", NOTIFY_PING_FAILURES="true")
    tell(instance)
    tell(instance)
    assert [request.path for request in chat.requests] == ["/uuid/fail?create=1"]


def test_a_ping_that_fails_is_made_again_later(instance, home, chat):
    with refused_port() as port:
        home(NOTIFY_PING_URL=f"http://127.0.0.1:{port}/uuid")
        night(instance)
        tell(instance)
    home(NOTIFY_PING_URL=f"{chat.url}/uuid")
    tell(instance)
    assert chat.requests == []  # not yet
    tell(instance, clock=lambda: utc_now() + timedelta(minutes=1))
    assert len(chat.requests) == 1


def test_a_mail_that_is_refused_is_told_elsewhere_and_comes_later_with_the_same_id(
    instance, home, mails, chat
):
    home(NOTIFY_URLS=f"{mails.url()} error={chat.url.replace('http', 'json')}")
    NEGATIVE.append(1)
    WRONG.append(OutageError("the store is away"))
    mails.refuses = True
    night(instance)
    now = utc_now()
    for minutes in (0, 2, 5):
        tell(instance, clock=lambda at=now + timedelta(minutes=minutes): at)
    assert len(chat.requests) == 1  # it had the failure from the beginning, and wants only errors
    mails.refuses = False
    tell(instance, clock=lambda: now + timedelta(hours=2))
    assert [mail["Subject"] for mail in mails.mails] == [
        f"[ERROR] {DAILY.name} failed in marts__cash_in"
    ]
    assert mails.mails[0]["X-Stack-Message"] == chat.requests[0].headers["x-stack-message"]


def test_the_digest_comes_once_a_day_over_restarts(instance, home, mails):
    home(
        NOTIFY_URLS=mails.url(),
        NOTIFY_DIGEST_AT="07:00",
        NOTIFY_TIMEZONE="Europe/Berlin",
    )
    night(instance)

    def told_at(moment):
        at = datetime.fromisoformat(moment)

        def then(instance):
            return replace(look(instance), at=at)

        tell(instance, look=then, clock=lambda: at)
        return len(mails.mails)

    assert told_at("2026-07-01T04:59:00+00:00") == 0  # 6:59 there
    assert told_at("2026-07-01T05:00:00+00:00") == 1
    assert told_at("2026-07-01T05:01:00+00:00") == 1
    assert told_at("2026-07-01T23:00:00+00:00") == 1  # past midnight there, but before seven
    assert told_at("2026-07-02T05:30:00+00:00") == 2
    mail = mails.mails[0]
    assert mail["Subject"] == "All is well, Wed 01 Jul"
    assert mail.get_body(("html",)) is not None
    assert "1 passed, 0 failed" in text(mail)


def test_a_run_for_a_release_is_told_once_and_one_of_before_is_not(instance, home, mails):
    home(NOTIFY_URLS=mails.url())
    now = utc_now()

    def seen(_):
        begun = [
            turn(Outcome.RUNNING, at, RELEASE.name, **{"release/tag": tag})
            for at, tag in ((now - DAY, "v1"), (now, "v2"))
        ]
        return facts(utc_now(), pipelines=tuple(begun))

    tell(instance, look=seen)
    tell(instance, look=seen)
    (mail,) = mails.mails
    assert mail["Subject"] == "Release v2 began a run"


def test_how_channels_do_is_in_the_metrics(instance, home, mails):
    home(NOTIFY_URLS=mails.url())
    mails.refuses = True
    WRONG.append(ValueError("no"))
    night(instance)
    tell(instance)
    samples = Samples()
    told(samples, instance)
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in samples.families(None)
        for sample in family.samples
    }
    assert values["stack_incidents_open", "pipeline_failed", "error"] == 1
    assert values["stack_messages_failed_total", "mailto"] == 1
    assert values["stack_messages_waiting", "mailto"] == 1
    assert ("stack_channel_failing_since_timestamp_seconds", "mailto") in values


def test_a_look_without_news_writes_nothing(instance, home, mails):
    home(NOTIFY_URLS=mails.url())
    night(instance)
    tell(instance)
    before = Store(instance).read()
    tell(instance)
    assert Store(instance).read() == before


def test_a_run_by_hand_tells_of_runs_and_not_of_what_nobody_left_running(instance, home, mails):
    home(NOTIFY_URLS=mails.url(), NOTIFY_DIGEST_AT="00:00")
    WRONG.append(ValueError("no"))
    night(instance)
    silent = dead("SCHEDULER")
    by_hand = schedule(NIGHT, last_status="failure")

    def seen(instance, later=timedelta(0)):
        found = look(instance)
        return replace(found, at=found.at + later, daemons=silent, automation=(by_hand,))

    tell_of_run(instance, look=seen)
    assert [mail["Subject"] for mail in mails.mails] == [
        f"[ERROR] {DAILY.name} failed in marts__cash_in"
    ]
    home(NOTIFY_URLS=mails.url())
    tell(instance, look=seen)
    assert len(mails.mails) == 1  # it may come back
    home(NOTIFY_URLS=mails.url(), NOTIFY_DIGEST_AT="00:00")
    tell(instance, look=lambda instance: seen(instance, timedelta(minutes=3)))
    told = [mail["Subject"] for mail in mails.mails[1:]]
    assert told[0] == "[ERROR] the daemon is dead"  # and its schedule with it
    assert told[1].startswith("2 things to see to")


def test_nothing_is_kept_or_looked_at_where_nobody_is_to_be_told(instance, home):
    def never(_):
        raise AssertionError("it looked")

    tell(instance, look=never)
