"""Environment variables of the ingestion location."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from stack.paths import default_home
from stack.settings import Settings


class AirbyteSettings(Settings):
    """Which Airbyte backend pulls the shop: a connector as a local process, or a server."""

    airbyte_connection_id: str | None = Field(
        None, description="connection of an Airbyte server; unset: a connector by protocol"
    )
    airbyte_host: str = Field("localhost", description="host of the Airbyte server")
    airbyte_port: int = Field(8000, ge=1, le=65535, description="port of the Airbyte server")


class DltSettings(Settings):
    """Names and folders of the dlt pipelines."""

    stack_home: Path = Field(default_factory=default_home)
    dlt_pipeline_name: str = Field(
        "freelancer_data", pattern=r"^[a-z_][a-z0-9_]*$", description="prefix of pipeline names"
    )


class GitHubSettings(Settings):
    """The repository whose releases start a pipeline."""

    github_repo: str | None = Field(
        None, pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name of the repository"
    )
    github_token: SecretStr | None = Field(None, description="token that may read its releases")
