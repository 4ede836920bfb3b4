"""Environment variables that every code location reads.

Each location adds its own class in `<location>/settings.py`, so that no process holds credentials
that it doesn't need. Variables come from the environment, then from `.env`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin
from urllib.parse import unquote

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Json,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings.sources.utils import parse_env_vars

from stack.errors import StackError
from stack.paths import default_home, env_files
from stack.redaction import remember, remember_passwords


class SettingsError(StackError):
    """An environment variable has a value that the stack can't use."""


def read_env_file(file: Path, encoding: str = "utf-8") -> dict[str, str | None]:
    """The variables of a `.env` file; `${NAME}` is replaced, except within single quotes."""
    if not file.is_file():
        return {}
    found = dotenv_values(file, encoding=encoding)
    with file.open(encoding=encoding) as stream:
        for binding in parse_stream(stream):
            written = binding.original.string.partition("=")[2].strip()
            if binding.key and written.startswith("'"):
                found[binding.key] = binding.value
    return found


class _EnvFiles(DotEnvSettingsSource):
    @staticmethod
    def _static_read_env_file(
        file_path: Path,
        *,
        encoding: str | None = None,
        case_sensitive: bool = False,
        ignore_empty: bool = False,
        parse_none_str: str | None = None,
    ) -> Mapping[str, str | None]:
        found = read_env_file(file_path, encoding or "utf-8")
        return parse_env_vars(found, case_sensitive, ignore_empty, parse_none_str)


class Settings(BaseSettings):
    """Base of all settings classes: reads `.env`, and treats an empty value as unset."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then `.env`, read by `read_env_file`."""
        files = getattr(dotenv_settings, "env_file", None)
        return init_settings, env_settings, _EnvFiles(settings_cls, env_file=files)


class StackSettings(Settings):
    """Where the stack lives and how its parts exchange results."""

    dagster_env: Literal["dev", "test", "prod"] = Field(
        "dev", description="prod starts schedules and sensors by itself"
    )
    dagster_postgres_url: SecretStr | None = Field(
        None, description="run storage on Postgres instead of SQLite files"
    )
    stack_home: Path = Field(
        default_factory=default_home, description="folder of everything that the stack writes"
    )
    artifacts_url: str | None = Field(
        None, description="fsspec URL of dbt, GX and load results; default: STACK_HOME/artifacts"
    )
    alerts_url: str | None = Field(
        None, description="fsspec URL of alert files; default: STACK_HOME/alerts"
    )

    query_log: Literal["off", "without_values", "with_values"] = Field(
        "without_values",
        description="whether the catalog learns what `stack query` was asked, with the values in "
        "it or without",
    )
    partitions_start: date = Field(
        date(2023, 1, 1), description="first day that can be rebuilt by a backfill (YYYY-MM-DD)"
    )
    continuation_interval_seconds: int = Field(
        1, ge=1, description="seconds between two looks for a stage to continue, per code location"
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="json: a line of JSON each event, for machines to read"
    )
    webserver_allowed_hosts: str = Field(
        "",
        description="names, beside localhost, under which the UI of make dev is opened; commas "
        "between them",
    )

    @property
    def artifacts(self) -> str:
        """fsspec URL of the artifact store."""
        return self.artifacts_url or str(self.stack_home / "artifacts")

    @property
    def alerts(self) -> str:
        """fsspec URL of the alert folder."""
        return self.alerts_url or str(self.stack_home / "alerts")

    @property
    def scratch(self) -> Path:
        """Local folder for temporary files; safe to delete between runs."""
        return self.stack_home / "scratch"


class WarehouseSettings(Settings):
    """Which warehouse, where it is, and how much of the machine it may use."""

    dlt_destination: Literal["duckdb", "ducklake"] = Field(
        "duckdb", description="one DuckDB file, or a DuckLake for many writers"
    )
    dlt_dataset_name: str = Field(
        "freelancer_raw",
        pattern=r"^[a-z_][a-z0-9_]*$",
        description="schema of the raw tables",
    )
    stack_home: Path = Field(default_factory=default_home)
    warehouse_path: Path | None = Field(
        None, description="the DuckDB file; default: STACK_HOME/warehouse.duckdb"
    )
    compute_profile: Literal["standard", "high_memory"] = Field(
        "standard",
        description="share of memory and CPUs for DuckDB: 60 % and all, or 80 % and half of them",
    )
    warehouse_memory_limit: str | None = Field(
        None,
        pattern=r"^\d+(\.\d+)?\s?([KMGT]i?B)$",
        description="DuckDB memory limit such as 2GB; default: by COMPUTE_PROFILE",
    )
    warehouse_threads: int | None = Field(
        None, ge=1, description="DuckDB threads; default: by COMPUTE_PROFILE"
    )
    warehouse_wait_seconds: float = Field(
        60,
        ge=0,
        allow_inf_nan=False,
        description="how long to wait for a DuckDB file that another program holds",
    )
    ducklake_catalog_url: SecretStr | None = Field(
        None,
        description="postgresql:// URL or a local file; default: STACK_HOME/lake/catalog.sqlite",
    )
    ducklake_data_url: str | None = Field(
        None, description="folder or s3:// URL of the data files; default: STACK_HOME/lake/data"
    )
    aws_endpoint_url: str | None = Field(
        None, pattern=r"^https?://", description="S3 endpoint, where it is not AWS"
    )
    aws_region: str = Field("us-east-1", description="S3 region")
    aws_access_key_id: str | None = Field(None, description="S3 access key")
    aws_secret_access_key: SecretStr | None = Field(None, description="S3 secret key")

    @field_validator("warehouse_path")
    @classmethod
    def _is_no_name_of_a_schema(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        # DuckDB names the database after the file; the same name as a schema would be ambiguous.
        name = path.name.split(".")[0].lower() if path else ""
        taken = RESERVED_DATABASES | {info.data.get("dlt_dataset_name")}
        if path and (name in taken or not name):
            raise ValueError(
                f"its name without the ending is that of a schema or of DuckDB's own; use another "
                f"than {', '.join(sorted(str(t) for t in taken))}"
            )
        return path

    @property
    def duckdb_file(self) -> Path:
        """The DuckDB file of destination `duckdb`."""
        return self.warehouse_path or self.stack_home / "warehouse.duckdb"

    @property
    def database(self) -> str:
        """DuckDB's name for the warehouse: the first part of `database.schema.table`."""
        return (
            self.duckdb_file.name.split(".")[0] if self.dlt_destination == "duckdb" else "warehouse"
        )

    @property
    def lake_data(self) -> str:
        """Folder or s3:// URL of the DuckLake's data files."""
        return self.ducklake_data_url or str(self.stack_home / "lake" / "data")

    @property
    def lake_catalog(self) -> str:
        """postgresql:// URL or local path of the DuckLake's catalog. May hold a password."""
        if self.ducklake_catalog_url is not None:
            return self.ducklake_catalog_url.get_secret_value()
        return str(self.stack_home / "lake" / "catalog.sqlite")


RESERVED_DATABASES = frozenset(
    {"information_schema", "intermediate", "main", "marts", "memory", "pg_catalog", "quarantine",
     "staging", "system", "temp"}
)  # fmt: skip


class PodResources(BaseModel):
    """What a container requests, and its limits, in Kubernetes' terms."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: dict[str, str | int | float] = {}
    limits: dict[str, str | int | float] = {}


class RetentionSettings(Settings):
    """How long things are kept; 0 days means for ever."""

    retention_run_days: int = Field(30, ge=0, description="days that runs are kept")
    retention_monitoring_days: int = Field(
        14, ge=0, description="days that runs of pipeline_monitoring are kept"
    )
    retention_newest_runs: int = Field(
        10, ge=1, description="newest runs of each pipeline, kept however old"
    )
    retention_artifact_days: int = Field(
        30, ge=0, description="days that results of deleted runs are kept"
    )
    retention_processed_days: int = Field(
        0, ge=0, description="days that loaded files are kept after they were loaded"
    )
    retention_activity_days: int = Field(
        90, ge=0, description="days that the log of who read and loaded which tables is kept"
    )
    retention_snapshot_days: int = Field(
        7, ge=0, description="days that snapshots of a DuckLake can be read"
    )
    retention_scratch_days: int = Field(
        2, ge=0, description="days that temporary files of killed runs are left"
    )


class TracingSettings(Settings):
    """Where traces of pipelines go; OpenTelemetry's other variables apply too."""

    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="collector of traces by OTLP/HTTP, such as http://localhost:4318",
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None, description="headers for it, such as api-key=…; commas between them"
    )

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _guard_each(cls, headers: SecretStr | None) -> SecretStr | None:
        for part in headers.get_secret_value().split(",") if headers else ():
            remember(unquote(part.partition("=")[2].strip()))
        return headers


class ExecutionSettings(Settings):
    """Where a run executes its assets; on a cluster the chart sets it."""

    run_executor: Literal["in-process", "k8s-job"] = Field(
        "in-process", description="k8s-job: each asset in a pod of its own, on Kubernetes only"
    )
    run_high_memory_resources: Json[PodResources] | None = Field(
        None,
        description="JSON of requests and limits of those pods whose asset asks for high_memory; "
        "default: as the others",
    )


S = TypeVar("S", bound=Settings)


def load_settings(cls: type[S]) -> S:
    """Read `cls` from the environment and `.env`.

    Raises SettingsError: one line per bad variable with its name, its value (never a secret) and
    what it accepts.
    """
    try:
        settings = cls(_env_file=env_files())  # type: ignore[call-arg]
        for _, value in settings:
            if isinstance(value, SecretStr):
                remember(value.get_secret_value())
            elif isinstance(value, str):
                remember_passwords(value)
        return settings
    except ValidationError as error:
        lines = [_explain(cls, dict(item)) for item in error.errors()]
        raise SettingsError("; ".join(lines)) from None


def environment_variables() -> dict[str, str]:
    """Every variable of the environment and of `.env`, for `${NAME}` references to secrets."""
    found: dict[str, str | None] = {}
    for file in env_files():
        found |= read_env_file(file)
    return {name: value for name, value in found.items() if value is not None} | dict(os.environ)


def _explain(cls: type[Settings], item: dict[str, Any]) -> str:
    field = str(item["loc"][0])
    info = cls.model_fields.get(field)
    remember_passwords(str(item["input"]))
    got = "a value" if info is None or _is_secret(info.annotation) else repr(item["input"])
    name = ".".join([field.upper(), *map(str, item["loc"][1:])])
    return f"{name}: got {got}, but {_accepts(item)}; correct it in the environment or .env"


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or (
        get_origin(annotation) is not None and SecretStr in get_args(annotation)
    )


def _accepts(item: dict[str, Any]) -> str:
    context = item.get("ctx", {})
    if item["type"] == "literal_error":
        return f"it accepts {context['expected']}"
    if item["type"] == "string_pattern_mismatch":
        return f"it must match {context['pattern']}"
    return str(item["msg"])[:1].lower() + str(item["msg"])[1:]
