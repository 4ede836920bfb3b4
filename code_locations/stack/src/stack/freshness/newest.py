"""The newest event of a table: looked up once by whoever builds it, and kept in the metadata.

So judging freshness never opens the warehouse.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import ValidationError

from stack.freshness.policy import FreshnessPolicy
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

POLICY = "freshness"
NEWEST = "newest_event"
EVENT_COLUMN = "event_column"
_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def newest_event(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    schema: str,
    table: str,
    column: str,
) -> datetime | None:
    """The latest value not in the future; None if there is none, or no such column.

    Future values are ignored so that one mistyped year can't keep a table fresh for ever. Reads
    only this column.
    """
    types = columns_of(connection, settings, schema, table)
    if types.get(column) not in _TYPES:
        return None
    name, now = identifier(column), datetime.now(UTC)
    latest = f"{now:%Y-%m-%d}" if types[column] == "DATE" else f"{now:%Y-%m-%d %H:%M:%S}"
    found = connection.execute(
        f"select epoch_us(max({name})) from {identifier(schema)}.{identifier(table)} "
        f"where isfinite({name}) and {name} <= {types[column]} '{latest}'"
    ).fetchone()
    if found is None or found[0] is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=found[0])
    except OverflowError:  # before the year 1
        return None


def freshness_metadata(
    policy: FreshnessPolicy | None, newest: datetime | None
) -> dict[str, dg.MetadataValue[Any]]:
    """Metadata about freshness for a materialisation; empty without a policy."""
    if policy is None:
        return {}
    told: dict[str, dg.MetadataValue[Any]] = {
        POLICY: dg.MetadataValue.json(policy.model_dump(mode="json", exclude_defaults=True))
    }
    if policy.newest:
        told[EVENT_COLUMN] = dg.MetadataValue.text(policy.newest)
    if newest is not None:
        told[NEWEST] = dg.MetadataValue.timestamp(newest)
    return told


def policy_of(metadata: Mapping[str, Any]) -> FreshnessPolicy | None:
    """The policy that `freshness_metadata` recorded; None if there is none or it is unreadable."""
    noted = getattr(metadata.get(POLICY), "value", None)
    try:
        return FreshnessPolicy.model_validate(noted) if noted else None
    except ValidationError:  # written by another version of the stack
        return None


def column_of(metadata: Mapping[str, Any]) -> str | None:
    """The column that the recorded newest event comes from."""
    return getattr(metadata.get(EVENT_COLUMN), "value", None)


def newest_of(metadata: Mapping[str, Any]) -> datetime | None:
    """The newest event that `freshness_metadata` recorded."""
    noted = getattr(metadata.get(NEWEST), "value", None)
    return datetime.fromtimestamp(noted, UTC) if isinstance(noted, int | float) else None
