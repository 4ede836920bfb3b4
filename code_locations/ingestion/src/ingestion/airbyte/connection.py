"""A connection: which connector, its configuration, and the table of each stream.

Declared in YAML; `connections/shop.yml` is the default and an example of every field.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from ingestion.airbyte.columns import column_name, identifier
from stack.declarations import NAME, Declaration, load_mapping, load_named, references, resolve
from stack.raw import RawTable, raw_tables

# Where airbyte-cdk's `source-declarative-manifest` looks for the manifest to run.
INJECTED_MANIFEST = "__injected_declarative_manifest"
DEFAULT_FILE = Path(__file__).parent / "connections" / "shop.yml"

SyncMode = Literal["full_refresh", "incremental"]


class ConnectorPackage(Declaration):
    """A connector on PyPI.

    `package` is pinned with `==`. `python` is a specifier of the Python versions it supports.
    `constraints` is a file beside the connection's that pins its dependencies. `manifest` is a
    low-code manifest beside the connection's, for `source-declarative-manifest`.
    `resumable: false` means that an interrupted stream must be read from its beginning.
    """

    package: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?==[\w.!+-]+$")
    executable: str = Field(pattern=r"^[\w.-]+$")
    python: str = ">=3.10,<3.14"
    constraints: Path | None = None
    manifest: Path | None = None
    resumable: bool = True


class Stream(Declaration):
    """Where a stream goes: `table` within the source, how it is read, and what identifies a row.

    `cursor_field` is needed only if the connector doesn't define it; `primary_key` only if neither
    the raw table nor the connector does; `namespace` only if several namespaces of the source have
    a stream of this name.
    """

    table: str | None = Field(None, pattern=NAME)
    sync_mode: SyncMode = "incremental"
    cursor_field: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    namespace: str | None = None


class Connection(Declaration):
    """A connection as its file declares it; references to secrets are not resolved.

    `discover_hours` is how long the results of `check` and `discover` are reused; 0 asks at each
    sync.
    """

    name: str = Field(pattern=NAME)
    description: str = ""
    connector: ConnectorPackage
    discover_hours: int = Field(24, ge=0, le=168)
    config: dict[str, Any] = Field(default_factory=dict, repr=False)
    streams: dict[str, Stream] = Field(min_length=1)
    file: Path

    @model_validator(mode="after")
    def _tables_differ(self) -> Connection:
        names = [self.table_name(stream) for stream in self.streams]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two streams go into {', '.join(twice)}; give each its own table")
        return self

    def table_of(self, stream: str) -> str:
        """Name of the stream's table within the source, such as `customers`."""
        return self.streams[stream].table or identifier(stream)

    def table_name(self, stream: str) -> str:
        """Name of the stream's table within the raw schema, such as `shop_customers`."""
        return f"{self.name}_{self.table_of(stream)}"

    def declared_table(self, stream: str) -> RawTable | None:
        """The raw table that `stack.raw` declares for the stream, if it does."""
        name = self.table_of(stream)
        return next((t for t in raw_tables(self.name) if t.name == name), None)

    def raw_table(self, stream: str) -> RawTable:
        """The stream's raw table, as far as it is known without asking the connector."""
        declared = self.declared_table(stream)
        return declared or RawTable(
            source=self.name,
            name=self.table_of(stream),
            description=f"Stream {stream} of {self.name}.",
            primary_key=tuple(column_name(field) for field in self.streams[stream].primary_key),
            owner=f"team:{self.name}",
            loader="airbyte_sync_job",
            platform="airbyte",
        )

    @property
    def constraints(self) -> Path | None:
        """The file that pins the connector's dependencies."""
        return self._beside(self.connector.constraints)

    def resolve_config(self, variables: Mapping[str, str]) -> tuple[dict[str, Any], set[str]]:
        """The connector's configuration with each `${NAME}` replaced, and the values used for that.

        Raises DeclarationError naming the missing variables, never a value.
        """
        config = resolve(self.config, variables, f"{self.file}: config")
        secrets = {variables[name] for name in references(str(self.config)) & set(variables)}
        manifest = self._beside(self.connector.manifest)
        if manifest:
            config[INJECTED_MANIFEST] = load_mapping(manifest)
        return config, secrets

    def _beside(self, path: Path | None) -> Path | None:
        return None if path is None else self.file.parent / path


def load_connections(path: Path | None = None) -> tuple[Connection, ...]:
    """Read a connection file, or each `*.yml` of a folder; None reads the sample shop's.

    Only reads files. Raises DeclarationError.
    """
    return load_named(path or DEFAULT_FILE, Connection, "AIRBYTE_CONNECTION_FILE")
