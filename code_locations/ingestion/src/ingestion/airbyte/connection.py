"""A connection: which connector, its configuration, and the table of each stream.

Declared in YAML; `connections/shop.yml` is the default and an example of every field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ingestion.airbyte.columns import column_name, identifier
from stack.declarations import load_yaml
from stack.errors import StackError
from stack.raw import RawTable, raw_tables

# Where airbyte-cdk's `source-declarative-manifest` looks for the manifest that it runs.
INJECTED_MANIFEST = "__injected_declarative_manifest"
DEFAULT_FILE = Path(__file__).parent / "connections" / "shop.yml"
NAME = r"^[a-z][a-z0-9_]*$"
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

SyncMode = Literal["full_refresh", "incremental"]


class ConnectionFileError(StackError):
    """A connection file can't be used; the message names file and field."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConnectorPackage(_Declared):
    """A connector on PyPI.

    `package` is pinned with `==`. `python` is a version specifier that it accepts.
    `constraints` is a file beside the connection's that pins what it depends on.
    `manifest` is a low-code manifest beside the connection's, for `source-declarative-manifest`.
    `resumable: false` says that a stream which broke off must be read anew.
    """

    package: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*(\[[\w,.-]+\])?==[\w.!+-]+$")
    executable: str = Field(pattern=r"^[\w.-]+$")
    python: str = ">=3.10,<3.14"
    constraints: Path | None = None
    manifest: Path | None = None
    resumable: bool = True


class Stream(_Declared):
    """Where a stream goes: `table` within the source, how it is read, and what identifies a row.

    `cursor_field` is needed only where the connector doesn't define it; `primary_key` only
    where neither the raw tables nor the connector do; `namespace` only where the source has
    streams of the same name in several.
    """

    table: str | None = Field(None, pattern=NAME)
    sync_mode: SyncMode = "incremental"
    cursor_field: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    namespace: str | None = None


class Connection(_Declared):
    """A connection as its file declares it; references to secrets are not resolved."""

    name: str = Field(pattern=NAME)
    description: str = ""
    connector: ConnectorPackage
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
        """The stream's raw table as far as it is known before the connector was asked."""
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
        """The file that pins what the connector depends on."""
        return self._beside(self.connector.constraints)

    def resolve_config(self, variables: Mapping[str, str]) -> tuple[dict[str, Any], set[str]]:
        """The connector's configuration with `${NAME}` replaced, and the values put in.

        Raises ConnectionFileError naming the variables that are missing, never a value.
        """
        secrets: set[str] = set()
        missing: set[str] = set()

        def resolve(value: Any) -> Any:
            if isinstance(value, dict):
                return {k: resolve(v) for k, v in value.items()}
            if isinstance(value, list):
                return [resolve(v) for v in value]
            return _REFERENCE.sub(look_up, value) if isinstance(value, str) else value

        def look_up(match: re.Match[str]) -> str:
            found = variables.get(match[1])
            if not found:
                missing.add(match[1])
                return ""
            secrets.add(found)
            return found

        config = resolve(self.config)
        if missing:
            raise ConnectionFileError(
                f"{self.file}: config needs {', '.join(sorted(missing))}, which "
                f"{'is' if len(missing) == 1 else 'are'} not set; set in the environment or .env"
            )
        manifest = self._beside(self.connector.manifest)
        if manifest:
            config[INJECTED_MANIFEST] = _read_yaml(manifest)
        return config, secrets

    def _beside(self, path: Path | None) -> Path | None:
        return None if path is None else self.file.parent / path


def load_connections(path: Path | None = None) -> tuple[Connection, ...]:
    """Read a connection file, or each `*.yml` of a folder; None reads the sample shop's.

    Reads files only. Raises ConnectionFileError.
    """
    path = path or DEFAULT_FILE
    files = sorted(path.glob("*.yml")) if path.is_dir() else [path]
    if not files:
        raise ConnectionFileError(f"{path}: no *.yml in the folder of AIRBYTE_CONNECTION_FILE")
    connections = tuple(_load(file) for file in files)
    names = [c.name for c in connections]
    if len(set(names)) < len(names):
        raise ConnectionFileError(
            f"{path}: two connections have one name, found {', '.join(names)}"
        )
    return connections


def _load(file: Path) -> Connection:
    document = _read_yaml(file)
    try:
        return Connection.model_validate({**document, "file": file.absolute()})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'streams'}: {item['msg']}"
            for item in error.errors(include_input=False, include_url=False)
        )
        raise ConnectionFileError(f"{file}: {problems}") from None


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        document = load_yaml(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConnectionFileError(f"{file}: can't be read as YAML: {reason}") from None
    if not isinstance(document, dict):
        raise ConnectionFileError(f"{file}: found a {type(document).__name__}, expected a mapping")
    return document
