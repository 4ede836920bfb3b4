"""Environment variables of the ingestion location."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, Json, SecretStr, ValidationInfo, field_validator

from stack.backups import BackupPlace
from stack.paths import checkout_root, default_home
from stack.quarantine import QuarantinePlace
from stack.settings import Settings


class AirbyteSettings(Settings):
    """Which Airbyte backend pulls the shop: a connector as a local process, or a server."""

    airbyte_connection_id: str | None = Field(
        None, description="connection of an Airbyte server; unset: a connector by protocol"
    )
    airbyte_scheme: Literal["http", "https"] = Field(
        "http", description="https where the Airbyte server is behind TLS"
    )
    airbyte_host: str = Field("localhost", description="host of the Airbyte server")
    airbyte_port: int = Field(8000, ge=1, le=65535, description="port of the Airbyte server")
    airbyte_client_id: str | None = Field(
        None, description="application of the Airbyte server that may run syncs"
    )
    airbyte_client_secret: SecretStr | None = Field(
        None, validate_default=True, description="secret of AIRBYTE_CLIENT_ID"
    )
    airbyte_username: str | None = Field(
        None, description="user of an Airbyte server with basic authentication, instead"
    )
    airbyte_password: SecretStr | None = Field(
        None, validate_default=True, description="password of AIRBYTE_USERNAME"
    )
    airbyte_poll_seconds: float = Field(
        10, gt=0, le=600, description="wait between two looks at a sync on the server"
    )
    airbyte_request_retries: int = Field(
        8, ge=0, le=20, description="retries of a request that the server couldn't answer"
    )
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
        6 * 3600, ge=1, description="a sync that takes longer is stopped"
    )
    airbyte_silence_seconds: int = Field(
        900, ge=1, description="a connector that says nothing for longer is stopped"
    )
    stack_home: Path = Field(default_factory=default_home)

    @field_validator("airbyte_client_secret", "airbyte_password")
    @classmethod
    def _one_whole_login(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # A secret mounted from a file often ends with a newline.
        value = secret.get_secret_value().strip() if secret else ""
        secret = SecretStr(value) if value else None
        application = info.data.get("airbyte_client_id")
        of_user = info.field_name == "airbyte_password"
        name = "airbyte_username" if of_user else "airbyte_client_id"
        if (info.data.get(name) is None) != (secret is None):
            raise ValueError(f"{name.upper()} and {str(info.field_name).upper()} go together")
        if of_user and secret is not None and application is not None:
            raise ValueError("AIRBYTE_CLIENT_ID is set too; use one of the two")
        return secret

    @property
    def airbyte_url(self) -> str:
        """Address of the Airbyte server."""
        return f"{self.airbyte_scheme}://{self.airbyte_host}:{self.airbyte_port}"

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
    dlt_sources_dir: Path | None = Field(
        None,
        description="folder of YAML files, each a REST API or a SQL database to load; see "
        "docs/how-to/add-a-source.md",
    )


class BooksSettings(Settings):
    """Where the books' exports are."""

    stack_home: Path = Field(default_factory=default_home)
    books_url: str | None = Field(
        None,
        description="fsspec URL of the books' exports; default: STACK_HOME/exports/books",
    )

    @property
    def default_folder(self) -> Path:
        """Where exports are read from unless BOOKS_URL says otherwise."""
        return self.stack_home / "exports" / "books"

    @property
    def books(self) -> str:
        """fsspec URL of the exports."""
        return self.books_url or str(self.default_folder)


class QuarantineSettings(QuarantinePlace):
    """Where the stack keeps what it could not load."""


class IncomingSettings(Settings):
    """Where files of any kind arrive, and where they go when they are done with."""

    stack_home: Path = Field(default_factory=default_home)
    incoming_url: str | None = Field(
        None, description="fsspec URL where files arrive; default: STACK_HOME/incoming"
    )
    incoming_processed_url: str | None = Field(
        None, description="fsspec URL of loaded files; default: INCOMING_URL/processed"
    )
    files_dir: Path | None = Field(
        None,
        description="folder of YAML files that say how arrived files are read; default: "
        "STACK_HOME/files, see docs/files.md",
    )
    incoming_settle_seconds: int = Field(
        30, ge=0, description="a file that hasn't changed for as long is taken as complete"
    )
    incoming_files_a_run: int = Field(20, ge=1, le=500, description="most files that one run loads")
    incoming_runs_a_tick: int = Field(5, ge=1, le=50, description="most runs begun at a time")

    @field_validator("incoming_processed_url")
    @classmethod
    def _leads_out_of_the_inbox(cls, url: str | None, info: ValidationInfo) -> str | None:
        inbox = info.data.get("incoming_url") or str(info.data.get("stack_home", "")) + "/incoming"
        if url is not None and url.rstrip("/") == inbox.rstrip("/"):
            raise ValueError("it must be another folder than INCOMING_URL, or one in it")
        return url

    @property
    def declared_files(self) -> Path:
        """Folder of the declarations."""
        return self.files_dir or self.stack_home / "files"

    @property
    def incoming(self) -> str:
        """fsspec URL where files arrive."""
        return (self.incoming_url or str(self.stack_home / "incoming")).rstrip("/")

    @property
    def processed(self) -> str:
        """fsspec URL of loaded files."""
        return self.incoming_processed_url or f"{self.incoming}/processed"


class BackupSettings(BackupPlace):
    """Where backups go, and for whom they are encrypted."""

    backup_keep_days: int = Field(
        0, ge=0, description="days that backups in BACKUP_URL are kept; 0: for ever"
    )
    backup_recipient: str | None = Field(
        None, description="public key (age1…) for which they are encrypted; see stack backup-key"
    )
    backup_identity: SecretStr | None = Field(
        None, description="the key's other half (AGE-SECRET-KEY-1…), to restore"
    )
    backup_endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="S3 endpoint of BACKUP_URL; default, as for the next ones: that of the stack",
    )
    backup_region: str | None = Field(None, description="its region")
    backup_access_key_id: str | None = Field(None, description="its access key")
    backup_secret_access_key: SecretStr | None = Field(None, description="its secret key")
    backup_folders: Json[dict[str, str]] | None = Field(
        None, description="JSON of further folders to save, a name and a fsspec URL each"
    )


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
        description="REST API; of GitHub Enterprise Server: https://<host>/api/v3; "
        "of gitea: https://<host>/api/v1",
    )
    github_prereleases: bool = Field(False, description="pre-releases start the pipeline too")
    github_drafts: bool = Field(False, description="draft releases start the pipeline too")

    @field_validator("github_token")
    @classmethod
    def _fits_in_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        # A secret mounted from a file often ends with a newline.
        value = token.get_secret_value().strip() if token else ""
        if not all("!" <= character <= "~" for character in value):
            raise ValueError("must be ASCII characters without spaces")
        return SecretStr(value) if value else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of releases wanted besides plain ones."""
        wanted = {"draft": self.github_drafts, "prerelease": self.github_prereleases}
        return tuple(kind for kind, flag in wanted.items() if flag)
