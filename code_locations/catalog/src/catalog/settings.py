"""Environment variables of the catalog location."""

from __future__ import annotations

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

    def metadata_file(self, stack: StackSettings) -> str:
        """Path or fsspec URL of the file sink."""
        return self.datahub_file or str(stack.stack_home / "catalog" / "metadata.json")
