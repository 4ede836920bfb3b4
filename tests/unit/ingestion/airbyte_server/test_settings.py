"""The login to an Airbyte server: complete, and only one."""

import pytest

from ingestion.settings import AirbyteSettings
from stack.settings import SettingsError, load_settings


def test_no_login_is_fine_and_so_is_either(stack_home, monkeypatch):
    assert load_settings(AirbyteSettings).airbyte_client_secret is None
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", "me")
    monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", "hush")
    assert load_settings(AirbyteSettings).airbyte_client_id == "me"
    monkeypatch.delenv("AIRBYTE_CLIENT_ID")
    monkeypatch.delenv("AIRBYTE_CLIENT_SECRET")
    monkeypatch.setenv("AIRBYTE_USERNAME", "me")
    monkeypatch.setenv("AIRBYTE_PASSWORD", "hush")
    assert load_settings(AirbyteSettings).airbyte_username == "me"


def test_the_line_break_at_the_end_of_a_mounted_secret_is_none_of_it(stack_home, monkeypatch):
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", "me")
    monkeypatch.setenv("AIRBYTE_CLIENT_SECRET", "hush\n")
    secret = load_settings(AirbyteSettings).airbyte_client_secret
    assert secret.get_secret_value() == "hush"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AIRBYTE_CLIENT_ID": "me"}, "AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET go together"),
        ({"AIRBYTE_CLIENT_SECRET": "hush"}, "AIRBYTE_CLIENT_ID and AIRBYTE_CLIENT_SECRET go"),
        ({"AIRBYTE_USERNAME": "me"}, "AIRBYTE_USERNAME and AIRBYTE_PASSWORD go together"),
        (
            {
                "AIRBYTE_CLIENT_ID": "me",
                "AIRBYTE_CLIENT_SECRET": "hush",
                "AIRBYTE_USERNAME": "me",
                "AIRBYTE_PASSWORD": "hush",
            },
            "AIRBYTE_CLIENT_ID is set too; use one of the two",
        ),
        ({"AIRBYTE_POLL_SECONDS": "0"}, "AIRBYTE_POLL_SECONDS: got '0'"),
    ],
)
def test_half_a_login_or_two_are_refused_in_one_line(stack_home, monkeypatch, variables, told):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(AirbyteSettings)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_address_has_the_scheme(stack_home, monkeypatch):
    monkeypatch.setenv("AIRBYTE_SCHEME", "https")
    monkeypatch.setenv("AIRBYTE_HOST", "airbyte.example.org")
    monkeypatch.setenv("AIRBYTE_PORT", "443")
    assert load_settings(AirbyteSettings).airbyte_url == "https://airbyte.example.org:443"
