"""What is known of backups, shared by ingestion, which makes them, and the monitoring.

It is kept in Dagster's run storage, so a backup holds what was known before it was made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from stack.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

MADE, TESTED = "freelancer-data-stack/backup-made", "freelancer-data-stack/backup-tested"


class BackupPlace(Settings):
    """Base settings of whatever makes backups or reports missing ones."""

    backup_url: str | None = Field(
        None, description="fsspec URL of the folder of backups, where no other is named"
    )


class Noted(BaseModel):
    """A backup made, or read back whole, at `at`; `size` is its bytes before compression."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime
    size: int


def note(instance: dg.DagsterInstance, key: str, size: int) -> None:
    """Record under `key`, MADE or TESTED, that it was done just now."""
    told = Noted(at=datetime.now(UTC), size=size)
    instance.run_storage.set_cursor_values({key: told.model_dump_json()})


def noted(instance: dg.DagsterInstance) -> tuple[Noted | None, Noted | None]:
    """The last backup made, and the last one tested."""
    found = instance.run_storage.get_cursor_values({MADE, TESTED})
    return _read(found.get(MADE)), _read(found.get(TESTED))


def _read(text: str | None) -> Noted | None:
    try:
        return Noted.model_validate_json(text) if text else None
    except ValidationError:  # written by another version
        return None
