"""The settings decide who is told what, and their secrets stay secret."""

import re
from pathlib import Path

import pytest
from apprise import Apprise
from pydantic import SecretStr

from observability.incidents.model import Severity
from observability.messages.channels import ChannelError, Parcel, send
from observability.messages.routing import Route, routes
from observability.messages.state import Message
from observability.settings import NotifySettings
from stack.errors import StackError
from stack.redaction import redact
from stack.settings import SettingsError, load_settings
from support.known_facts import NOW

MAIL = "mailtos://me:hunter2hunter2@smtp.example.com?to=me@example.com"


@pytest.fixture
def configured(stack_home, monkeypatch):
    def configure(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return routes(load_settings(NotifySettings))

    return configure


def message(severity=Severity.WARNING, owners=()):
    return Message(id="m", at=NOW, severity=severity, title="t", text="x", owners=owners)


def test_no_variable_is_no_channel(configured):
    assert configured() == ()


def test_urls_in_one_line_each_with_the_least_that_it_wants(configured):
    mail, phone, more = configured(NOTIFY_URLS=f"{MAIL} error=ntfy://topic-one ntfy://topic-two")
    assert [mail.name, phone.name, more.name] == ["mailtos", "ntfy", "ntfy-2"]
    assert mail.wants(message(Severity.INFO))
    assert not phone.wants(message(Severity.WARNING))
    assert phone.wants(message(Severity.ERROR))


def test_an_owner_is_told_of_what_touches_their_tables(configured):
    (anna,) = configured(
        ANNAS_URL="ntfy://anna",
        NOTIFY_ROUTES='[{"name": "anna", "url": "${ANNAS_URL}", "owners": ["anna@example.com"]}]',
    )
    assert anna.url.get_secret_value() == "ntfy://anna"
    assert anna.wants(message(owners=("team:analytics", "anna@example.com")))
    assert not anna.wants(message())


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"NOTIFY_URLS": f"{MAIL} hunter3"}, "its 2. part is no URL"),
        ({"NOTIFY_ROUTES": '[{"url": "ntfy://hunter3", "sevrity": "x"}]'}, "unknown field"),
        ({"NOTIFY_ROUTES": '[{"url": "ntfy://hunter3", "severity": "x"}]'}, "severity"),
        ({"NOTIFY_ROUTES": "ntfy://hunter3"}, "no JSON"),
        ({"NOTIFY_ROUTES": '[{"url": "${NOT_SET}/hunter3"}]'}, "NOT_SET is not set"),
        ({"NOTIFY_DIGEST_AT": "25:00"}, "07:00"),
        ({"NOTIFY_TIMEZONE": "Berlin"}, "Europe/Berlin"),
        ({"NOTIFY_PING_URL": "hunter3"}, "http"),
    ],
)
def test_what_is_written_wrongly_is_told_in_one_line_without_it(configured, variables, told):
    with pytest.raises(StackError, match=told) as error:
        configured(**variables)
    assert "\n" not in str(error.value)
    assert "hunter" not in str(error.value)


def test_what_may_be_a_secret_in_a_url_is_masked_wherever_it_appears(configured):
    configured(NOTIFY_URLS=f"{MAIL} slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ")
    said = redact(f"{MAIL}, hunter2hunter2 and TIiajkdnlazkcOXrIdevi7FQ")
    assert said == "***, *** and ***"


def test_a_url_that_apprise_does_not_know_is_told_without_it(caplog):
    bad = Route("x", SecretStr("nosuchservice://hunter2hunter2"))
    with pytest.raises(ChannelError, match="can't use") as error:
        send(bad, Parcel("1", "t", "x"))
    assert "hunter2" not in str(error.value) + caplog.text


def test_apprise_takes_every_url_that_the_page_shows(configured, monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "messages.md").read_text()
    shown = re.findall(r"NOTIFY_URLS='(.+)'", page)
    (declared,) = re.findall(r"NOTIFY_ROUTES='(.+?)'\n", page, re.DOTALL)
    variables = {"SMTP_LOGIN": "user:password", "TOPIC": "a-topic"}
    found = [route for urls in shown for route in configured(NOTIFY_URLS=urls)]
    monkeypatch.delenv("NOTIFY_URLS")
    found += configured(NOTIFY_ROUTES=declared, **variables)
    assert len(found) == 8
    for route in found:
        assert Apprise.instantiate(route.url.get_secret_value()) is not None, route.url


def test_a_settings_error_is_of_settings(configured):
    with pytest.raises(SettingsError):
        configured(NOTIFY_URLS="no-url-at-all")
