"""Environment variables of the catalog location."""

from __future__ import annotations

from pydantic import Field, SecretStr

from stack.settings import Settings


class DataHubSettings(Settings):
    """Where metadata goes: a DataHub server, or a file."""

    datahub_gms_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="DataHub's metadata service; unset: a file in STACK_HOME/catalog",
    )
    datahub_gms_token: SecretStr | None = Field(None, description="access token of that service")
