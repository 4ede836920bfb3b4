"""Environment variables for watching the stack and telling people."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator

from stack.backups import BackupPlace
from stack.quarantine import QuarantinePlace
from stack.settings import Settings

TIME_OF_DAY = r"([01]?\d|2[0-3]):[0-5]\d"


class ObserveSettings(Settings):
    """Where `stack observe` serves metrics."""

    observe_host: str = Field(
        "127.0.0.1", description="address that /metrics listens on; *: every one, of IPv6 too"
    )
    observe_port: int = Field(
        9101, ge=0, le=65535, description="port of /metrics; 0: one that is free"
    )


class SafetySettings(BackupPlace):
    """What must not be forgotten: backups of BACKUP_URL, and certificates."""

    backup_every_hours: int = Field(
        24, ge=1, description="a backup is wanted so often, where BACKUP_URL is set"
    )
    observe_certificates: str | None = Field(
        None, description="PEM files of certificates, commas between them, whose end is told"
    )

    @property
    def certificates(self) -> tuple[Path, ...]:
        """OBSERVE_CERTIFICATES."""
        names = (self.observe_certificates or "").split(",")
        return tuple(Path(name.strip()) for name in names if name.strip())


class QuarantineSettings(QuarantinePlace):
    """Where what could not be loaded waits."""


class NotifySettings(Settings):
    """Who is told what is wrong, and how."""

    notify_urls: SecretStr | None = Field(
        None,
        description="apprise URLs, spaces between them; `error=` or `warning=` before one limits "
        "it to these and worse",
    )
    notify_routes: SecretStr | None = Field(
        None,
        description="JSON list of further ones: name, url (may refer to ${NAME}), severity, owners",
    )
    notify_samples: bool = Field(
        False, description="true: failing rows are shown in messages, with what they hold of people"
    )
    notify_digest_at: str | None = Field(
        None,
        description="when the day's digest is sent, such as 07:00; unset: never",
        json_schema_extra={"pattern": f"^{TIME_OF_DAY}$"},
    )
    notify_timezone: str = Field(
        "UTC",
        description="of NOTIFY_DIGEST_AT and of times in messages, such as Europe/Berlin",
        json_schema_extra={"format": "time-zone"},
    )
    notify_ping_url: SecretStr | None = Field(
        None,
        description="asked after each good night, for a service that tells when nobody asks, such "
        "as healthchecks.io",
    )
    notify_ping_failures: bool = Field(
        False, description="true: a failed night asks NOTIFY_PING_URL/fail"
    )
    ui_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="address of Dagster's UI, for links in messages; unset: none",
    )

    @field_validator("notify_digest_at")
    @classmethod
    def _is_a_time(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(TIME_OF_DAY, value):
            raise ValueError("it accepts a time of day such as 07:00")
        return value

    @field_validator("notify_timezone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("it accepts a name of the tz database such as Europe/Berlin")
        return value

    @field_validator("notify_ping_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://[^/\s]", value.get_secret_value()):
            raise ValueError("it accepts an http:// or https:// URL")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """NOTIFY_TIMEZONE."""
        return ZoneInfo(self.notify_timezone)

    @property
    def digest_time(self) -> time | None:
        """NOTIFY_DIGEST_AT."""
        if self.notify_digest_at is None:
            return None
        hour, _, minute = self.notify_digest_at.partition(":")
        return time(int(hour), int(minute))
