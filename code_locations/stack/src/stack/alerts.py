"""Alerts: JSON files that tell people and sensors about data that can't be trusted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from stack.artifacts import Artifact, write_atomically
from stack.storage import filesystem

Severity = Literal["info", "warning", "error", "critical"]


class Alert(Artifact, extra="forbid"):
    """One alert. `type` is a short slug; `tables` names the raw tables or models concerned."""

    type: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    severity: Severity
    description: str = Field(min_length=1)
    source: str = Field(description="who found it: great_expectations, dbt, or a person's name")
    tables: tuple[str, ...] = ()
    run_id: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))


def read_alert(content: bytes) -> Alert:
    """Parse an alert file. Raises ValidationError.

    Unknown fields are ignored in the stack's own alerts, which declare a format and may come from
    a newer image. A person's alert has none, so there an unknown field is a typo.
    """
    alert = Alert.model_validate_json(content, extra="ignore")
    own = "format" in alert.model_fields_set
    return alert if own else Alert.model_validate_json(content)


def write_alert(url: str, alert: Alert, *, key: str | None = None) -> str:
    """Write an alert into the folder at `url`; return the file's URL.

    The name comes from type and `key`, which is the run's id unless given, so that a step that
    is retried writes one alert.
    """
    fs, root = filesystem(url)
    key = key or alert.run_id or f"{alert.created_at:%Y%m%dT%H%M%S%f}"
    name = f"{alert.type}-{key}.json"
    write_atomically(fs, f"{root.rstrip('/')}/{name}", alert.model_dump_json(indent=2).encode())
    return f"{url.rstrip('/')}/{name}"
