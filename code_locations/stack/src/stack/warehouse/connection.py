"""The one connection factory of the stack."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from stack.errors import StackError
from stack.outage import OutageError, is_outage
from stack.patience import is_patient, patiently
from stack.settings import WarehouseSettings, load_settings
from stack.sql import literal
from stack.warehouse.busy import holder, is_lock_conflict, open_patiently
from stack.warehouse.extensions import load_extension
from stack.warehouse.limits import PROFILES, duckdb_memory_limit, duckdb_threads

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")

# Notice within two minutes that Postgres went away silently; by default it takes hours.
# Parameters in the catalog's URL override these.
ATTENTIVE: dict[str, object] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
SECRET_PARAMETERS = frozenset({"password", "sslpassword"})
# Commits of other runs may come between; DuckLake then retries the commit, not the query.
DUCKLAKE_MAX_RETRIES = 100
# Tries at once, again at once, then after 2, 5, 10, 16, 26, 42, 64, 98 and 150 seconds.
PATIENT_HTTP = {"http_retries": 10, "http_retry_wait_ms": 2000, "http_retry_backoff": 1.5}
# If several open a new lake at once, one creates its catalog and the others fail.
ATTACH_RETRIES_S = (0.5, 1.0, 2.0)


class WarehouseError(StackError):
    """The warehouse can't be opened; the message names it and the next step."""


class AwayError(OutageError):
    """The lake's catalog doesn't answer; the message is the reason, without the address."""


class WarehouseBusyError(WarehouseError):
    """Another process kept the DuckDB file open for longer than we wait."""


@contextmanager
def connect(
    settings: WarehouseSettings | None = None,
    *,
    read_only: bool = False,
    longest_wait_s: float = math.inf,
) -> Iterator[DuckDBPyConnection]:
    """Open the warehouse as the connection's default database and close it afterwards.

    A missing DuckDB file is created, also for `read_only`, so that a first reader finds an empty
    warehouse. If another process holds the file, waits at most WAREHOUSE_WAIT_SECONDS or
    `longest_wait_s`, then raises WarehouseBusyError.
    """
    connection = open_connection(
        settings or load_settings(WarehouseSettings),
        read_only=read_only,
        longest_wait_s=longest_wait_s,
    )
    try:
        yield connection
    finally:
        connection.close()


def in_memory(settings: WarehouseSettings) -> DuckDBPyConnection:
    """A DuckDB of one's own with the warehouse's limits and time zone; it holds no file."""
    import duckdb

    connection = duckdb.connect(":memory:", config=duckdb_config(settings))
    connection.execute("set TimeZone = 'UTC'")
    return connection


def open_connection(
    settings: WarehouseSettings, *, read_only: bool = False, longest_wait_s: float = math.inf
) -> DuckDBPyConnection:
    """As `connect`, for a caller that closes the connection itself."""
    import duckdb

    if settings.dlt_destination == "ducklake":
        connection = in_memory(settings)
        attach_lake(connection, settings, read_only=read_only, longest_wait_s=longest_wait_s)
        return connection
    file, config = settings.duckdb_file, duckdb_config(settings)

    def attempt() -> DuckDBPyConnection:
        if read_only and not file.exists():
            duckdb.connect(file).close()
        return duckdb.connect(file, read_only=read_only, config=config)

    connection = _open_file(attempt, settings, longest_wait_s)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def attach_warehouse(connection: DuckDBPyConnection, settings: WarehouseSettings) -> None:
    """Attach the warehouse as `settings.database` to a DuckDB that another library opened.

    Raises WarehouseError as `connect` does.
    """
    if settings.dlt_destination == "ducklake":
        attach_lake(connection, settings)
        return
    attach = f'attach if not exists {literal(settings.duckdb_file)} as "{settings.database}"'
    _open_file(lambda: connection.execute(attach), settings)
    connection.execute(f'use "{settings.database}"')


def _open_file(
    attempt: Callable[[], T], settings: WarehouseSettings, longest_wait_s: float = math.inf
) -> T:
    import duckdb

    file = settings.duckdb_file
    file.parent.mkdir(parents=True, exist_ok=True)
    wait_s = min(settings.warehouse_wait_seconds, longest_wait_s)
    try:
        return open_patiently(attempt, file, wait_s)
    except duckdb.IOException as error:
        if is_lock_conflict(error):
            raise WarehouseBusyError(
                f"{file} is still held by {holder(error)} after {wait_s:g} s: a DuckDB file has "
                "one writer or many readers; close that program, or wait for it, and try again"
            ) from None
        raise WarehouseError(
            f"{file} can't be opened as a DuckDB file: {str(error).splitlines()[0]}; "
            "restore it from a copy, or move it away: the next run loads all that its sources have"
        ) from error


def attach_lake(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    *,
    read_only: bool = False,
    longest_wait_s: float = math.inf,
) -> None:
    """Attach the DuckLake as `settings.database` and make it the default database.

    A catalog that is away is waited for, at most `longest_wait_s`. Raises WarehouseError if it
    can't be reached.
    """
    import duckdb

    prepare_lake(connection, settings)
    attach = _attach_lake_read_only if read_only else _attach_lake

    def attempt() -> None:
        for wait_s in (*ATTACH_RETRIES_S, None):
            try:
                attach(connection, settings)
                return
            except duckdb.Error as error:
                if is_outage(error):
                    raise AwayError(_said(error, settings)) from None
                if wait_s is None:
                    raise
                time.sleep(wait_s)

    try:
        patiently(attempt, "the DuckLake's catalog", longest_wait_s=longest_wait_s)
    except AwayError as error:
        raise WarehouseError(_not_attached(settings, str(error))) from error
    except duckdb.Error as error:  # its message quotes the address with the password
        raise WarehouseError(_not_attached(settings, _said(error, settings))) from None
    connection.execute(f"use {settings.database}")


def _not_attached(settings: WarehouseSettings, said: str) -> str:
    return (
        "the DuckLake can't be attached; check DUCKLAKE_CATALOG_URL and DUCKLAKE_DATA_URL "
        f"(data at {settings.lake_data}): {said}"
    )


def _said(error: Exception, settings: WarehouseSettings) -> str:
    """The error's message after the address, which DuckDB quotes with the password."""
    address = lake_uri(settings).removeprefix("ducklake:").removeprefix("postgres:")
    said = str(error).rpartition(f'{address}"')[2].strip(": \n")
    line = said.splitlines()[0] if said else type(error).__name__
    secrets = _parts_of(settings.lake_catalog) if is_postgres(settings) else {}
    for name in SECRET_PARAMETERS & secrets.keys():
        for form in (_libpq(secrets[name])[1:-1], str(secrets[name])):
            line = line.replace(form, "***") if form else line
    return line


def _attach_lake(connection: DuckDBPyConnection, settings: WarehouseSettings) -> None:
    connection.execute(_attach_statement(settings))


def _attach_lake_read_only(connection: DuckDBPyConnection, settings: WarehouseSettings) -> None:
    import duckdb

    try:
        connection.execute(_attach_statement(settings, "read_only"))
    except duckdb.Error:  # DuckLake creates a missing catalog only for a writer
        _attach_lake(connection, settings)
        connection.execute(f"detach {settings.database}")
        connection.execute(_attach_statement(settings, "read_only"))


def _attach_statement(settings: WarehouseSettings, mode: str = "") -> str:
    options = [
        f"data_path {literal(settings.lake_data)}",
        f"metadata_schema '{settings.database}'" if is_postgres(settings) else "",
        "data_inlining_row_limit 0",
        mode,
    ]
    return (
        f"attach if not exists {literal(lake_uri(settings))} as {settings.database} "
        f"({', '.join(o for o in options if o)})"
    )


def prepare_lake(connection: DuckDBPyConnection, settings: WarehouseSettings) -> None:
    """Load the extensions and set the secret and retries that the DuckLake needs."""
    load_extension(connection, "ducklake")
    load_extension(connection, "postgres_scanner" if is_postgres(settings) else "sqlite_scanner")
    if settings.lake_data.startswith("s3://"):
        load_extension(connection, "httpfs")
        connection.execute(s3_secret(settings))
        if is_patient():
            for name, value in PATIENT_HTTP.items():
                # For all its cursors: dlt and dbt work on those.
                connection.execute(f"set global {name} = {value}")
    connection.execute(f"set ducklake_max_retry_count = {DUCKLAKE_MAX_RETRIES}")
    if not is_postgres(settings):
        Path(settings.lake_catalog).parent.mkdir(parents=True, exist_ok=True)
    if "://" not in settings.lake_data:
        Path(settings.lake_data).mkdir(parents=True, exist_ok=True)


def is_postgres(settings: WarehouseSettings) -> bool:
    """Whether the DuckLake's catalog is in Postgres (else in a local SQLite file)."""
    return settings.lake_catalog.startswith(("postgres://", "postgresql://"))


def lake_uri(settings: WarehouseSettings) -> str:
    """`ducklake:` URI of the catalog, as DuckDB attaches it. May hold a password.

    Raises WarehouseError if the catalog's URL can't be read.
    """
    if not is_postgres(settings):
        return f"ducklake:sqlite:{settings.lake_catalog}"
    try:
        parts = ATTENTIVE | _parts_of(settings.lake_catalog)
    except ValueError:  # whose message contains part of the password
        raise WarehouseError(
            "DUCKLAKE_CATALOG_URL can't be read as postgresql://user:password@host:port/database; "
            "write special characters of the password as %2F for /, %23 for #, %40 for @"
        ) from None
    return "ducklake:postgres:" + " ".join(f"{k}={_libpq(v)}" for k, v in parts.items())


def _parts_of(url: str) -> dict[str, object]:
    """libpq's parameters of a URL. As in libpq, those after the question mark win."""
    split = urlsplit(url)
    named = {
        "dbname": unquote(split.path.lstrip("/")),
        "host": unquote(split.hostname or ""),
        "port": split.port,
        "user": unquote(split.username or ""),
        "password": unquote(split.password or ""),
    }
    pairs = (pair.partition("=") for pair in split.query.split("&") if pair)
    given: dict[str, object] = {unquote(name): unquote(value) for name, _, value in pairs}
    return {name: value for name, value in named.items() if value} | given


def _libpq(value: object) -> str:
    """A value quoted for a libpq connection string."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def s3_secret(settings: WarehouseSettings) -> str:
    """The `create secret` statement for the data bucket."""
    secret = settings.aws_secret_access_key
    options = {
        "key_id": settings.aws_access_key_id,
        "secret": secret.get_secret_value() if secret else None,
        "region": settings.aws_region,
    }
    if settings.aws_endpoint_url:
        endpoint = urlsplit(settings.aws_endpoint_url)
        options |= {"endpoint": endpoint.netloc, "url_style": "path"}
        options["use_ssl"] = "true" if endpoint.scheme == "https" else "false"
    given = ", ".join(f"{k} {literal(v)}" for k, v in options.items() if v)
    return f"create or replace secret warehouse_s3 (type s3, {given})"


def duckdb_config(
    settings: WarehouseSettings,
) -> dict[str, str | bool | int | float | list[str]]:
    """Settings of every DuckDB of the stack: limits, scratch folder, no downloads."""
    scratch = settings.stack_home / "scratch" / "duckdb"
    scratch.mkdir(parents=True, exist_ok=True)
    profile = PROFILES[settings.compute_profile]
    memory = settings.warehouse_memory_limit or duckdb_memory_limit(profile.memory_share)
    return {
        "memory_limit": memory,
        "threads": str(settings.warehouse_threads or duckdb_threads(profile.cpu_share)),
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": "false",
    }
