"""Environment variables of the ingestion location."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from stack.paths import checkout_root, default_home
from stack.settings import Settings


class AirbyteSettings(Settings):
    """Which Airbyte backend pulls the shop: a connector as a local process, or a server."""

    airbyte_connection_id: str | None = Field(
        None, description="connection of an Airbyte server; unset: a connector by protocol"
    )
    airbyte_host: str = Field("localhost", description="host of the Airbyte server")
    airbyte_port: int = Field(8000, ge=1, le=65535, description="port of the Airbyte server")
    airbyte_connection_file: Path | None = Field(
        None,
        description="YAML of a connection, or a folder of them; default: the sample shop",
    )
    airbyte_connectors_dir: Path | None = Field(
        None,
        description="folder of the connectors' environments; default: .connectors in a checkout, "
        "else STACK_HOME/connectors",
    )
    airbyte_deadline_seconds: int = Field(
        6 * 3600, ge=1, description="a connector that reads for longer is stopped"
    )
    airbyte_silence_seconds: int = Field(
        900, ge=1, description="a connector that says nothing for longer is stopped"
    )
    stack_home: Path = Field(default_factory=default_home)

    @property
    def connectors(self) -> Path:
        """Folder of the connectors' environments."""
        root = checkout_root()
        default = root / ".connectors" if root else self.stack_home / "connectors"
        return (self.airbyte_connectors_dir or default).absolute()


class DltSettings(Settings):
    """Names and folders of the dlt pipelines."""

    stack_home: Path = Field(default_factory=default_home)
    dlt_pipeline_name: str = Field(
        "freelancer_data", pattern=r"^[a-z_][a-z0-9_]*$", description="prefix of pipeline names"
    )


class BooksSettings(Settings):
    """Where the books' exports are, and where unreadable ones are noted."""

    stack_home: Path = Field(default_factory=default_home)
    books_url: str | None = Field(
        None,
        description="fsspec URL of the books' exports; default: STACK_HOME/exports/books",
    )
    quarantine_url: str | None = Field(
        None,
        description="fsspec URL of notes on exports that can't be loaded; "
        "default: STACK_HOME/quarantine",
    )

    @property
    def default_folder(self) -> Path:
        """Where exports are read from unless BOOKS_URL says otherwise."""
        return self.stack_home / "exports" / "books"

    @property
    def books(self) -> str:
        """fsspec URL of the exports."""
        return self.books_url or str(self.default_folder)

    @property
    def quarantine(self) -> str:
        """fsspec URL of the notes on exports that can't be loaded."""
        return self.quarantine_url or str(self.stack_home / "quarantine")


class GitHubSettings(Settings):
    """The repository whose releases start a pipeline."""

    github_repo: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        description="owner/name of the repository",
    )
    github_token: SecretStr | None = Field(
        None, description="token that may read its releases (contents: read)"
    )
    github_api_url: str = Field(
        "https://api.github.com",
        pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*)?$",
        description="REST API; of GitHub Enterprise Server: https://<host>/api/v3",
    )
    github_prereleases: bool = Field(False, description="pre-releases start the pipeline too")
    github_drafts: bool = Field(False, description="draft releases start the pipeline too")

    @field_validator("github_token")
    @classmethod
    def _fits_in_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        # A secret mounted from a file often ends with a line break.
        value = token.get_secret_value().strip() if token else ""
        if not all("!" <= character <= "~" for character in value):
            raise ValueError("must be ASCII characters without spaces")
        return SecretStr(value) if value else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of releases that are wanted beside plain ones."""
        wanted = {"draft": self.github_drafts, "prerelease": self.github_prereleases}
        return tuple(kind for kind, flag in wanted.items() if flag)
