"""Environment variables of promotion."""

from __future__ import annotations

from pydantic import Field, SecretStr

from stack.settings import Settings


class PromotionSettings(Settings):
    """Where `stack promote` looks, and opens the pull request."""

    forge_url: str = Field(
        "https://api.github.com",
        pattern=r"^https?://[^\s?#]+$",
        description="REST API of GitHub, or of a gitea: https://host/api/v1",
    )
    forge_repository: str | None = Field(
        None, pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name; where pull requests are opened"
    )
    forge_token: SecretStr | None = Field(
        None,
        description="may write pull requests and commit statuses; without it only a branch is made",
    )
    promotion_source_url: SecretStr | None = Field(
        None, description="postgresql:// URL or DAGSTER_HOME of the run storage that proves"
    )
    promotion_target_url: SecretStr | None = Field(
        None, description="the same of the target, whose queue is looked at"
    )
