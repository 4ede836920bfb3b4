"""Environment variables of the catalog location."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from pydantic import Field, SecretStr

from stack.settings import Settings, StackSettings


class DataHubSettings(Settings):
    """Where metadata goes: a DataHub server, or a file."""

    datahub_gms_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="DataHub's metadata service; unset: a file in STACK_HOME/catalog",
    )
    datahub_gms_token: SecretStr | None = Field(None, description="access token of that service")
    datahub_file: str | None = Field(
        None,
        description="path or fsspec URL of the metadata file; default: "
        "STACK_HOME/catalog/metadata.json. Not used with DATAHUB_GMS_URL",
    )
    datahub_platform_instance: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="tells this warehouse from others that share a DataHub; part of every URN",
    )

    datahub_profile_values: Literal["none", "numbers_and_dates", "all"] = Field(
        "numbers_and_dates",
        description="columns whose lowest and highest values the catalog shows; all: text as well, "
        "which may be personal",
    )
    datahub_usage_days: int = Field(
        7, ge=1, le=90, description="days of usage and loads that a run reports, including today"
    )

    def first_day(self, today: date) -> date:
        """The oldest day of usage and loads that is reported."""
        return today - timedelta(days=self.datahub_usage_days - 1)

    def metadata_file(self, stack: StackSettings) -> str:
        """Path or fsspec URL of the file sink."""
        return self.datahub_file or str(stack.stack_home / "catalog" / "metadata.json")
