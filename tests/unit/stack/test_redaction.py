"""A secret setting is in no log record and no error, whoever writes it."""

import logging

import pytest
from pydantic import SecretStr

from scripts.env_example import settings_classes
from stack import redaction
from stack.errors import StackError, one_line
from stack.settings import Settings, SettingsError, WarehouseSettings, load_settings

CANARY = "canary-{}-9f3a7c"
WHOLE = {
    "dagster_postgres_url": "postgresql://stack:{}@db:5432/dagster",
    "ducklake_catalog_url": "postgresql://stack:{}@db:5432/lake",
    "notify_ping_url": "https://example.org/{}",
}


def addresses() -> dict[str, type[Settings]]:
    """The settings that are URLs but no secrets, with their classes; one refuses passwords."""
    return {
        name: cls
        for cls in settings_classes()
        for name, field in cls.model_fields.items()
        if name != "github_api_url"
        and field.annotation in (str, str | None)
        and (name.endswith("_url") or "URL" in (field.description or ""))
    }


@pytest.fixture
def canaries(stack_home, monkeypatch) -> list[str]:
    """A canary in every secret setting and every URL of every settings class, all loaded."""
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(redaction, "_mask", redaction.Redactor(()))
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", "stack")
    secrets = {
        name: CANARY.format(name)
        for cls in settings_classes()
        for name, field in cls.model_fields.items()
        if "SecretStr" in str(field.annotation) and name != "airbyte_password"
    }
    assert len(secrets) >= 6
    for name, secret in secrets.items():
        monkeypatch.setenv(name.upper(), WHOLE.get(name, "{}").format(secret))
    urls = addresses()
    assert len(urls) >= 8
    for name, cls in urls.items():
        scheme = "https" if "http" in str(cls.model_fields[name].metadata) else "sftp"
        monkeypatch.setenv(name.upper(), f"{scheme}://bob:{CANARY.format(name)}@host/{name}")
        secrets[name] = CANARY.format(name)
    for cls in settings_classes():
        settings = load_settings(cls)
        held = [value for _, value in settings if isinstance(value, SecretStr)]
        assert not any(secrets[name] in repr(settings) for name in secrets.keys() - urls), held
    return list(secrets.values())


def test_no_log_record_carries_a_secret_setting(canaries, caplog):
    log = logging.getLogger("some.library")
    for secret in canaries:
        log.error("answered %s", {"message": f"token {secret} is not valid"})
        try:
            raise RuntimeError(f"at https://user:{secret}@host")
        except RuntimeError:
            log.exception("it failed")
    assert caplog.text.count("***") >= 2 * len(canaries)
    assert not [secret for secret in canaries if secret in caplog.text]


def test_no_error_carries_a_secret_setting(canaries):
    for secret in canaries:
        assert secret not in str(StackError("server", found=secret, next_step=f"not {secret}"))
        assert secret not in one_line(f"it said {secret}")


def test_a_refused_url_is_shown_without_its_password(stack_home, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "sftp://bob:canary-refused@host")
    with pytest.raises(SettingsError, match=r"AWS_ENDPOINT_URL: got 'sftp://bob:\*\*\*@host'"):
        load_settings(WarehouseSettings)
