"""When the last backup was made, and when one was last tested."""

from __future__ import annotations

import dagster as dg

from observability.facts.model import BackupFact
from observability.settings import SafetySettings
from stack.backups import noted


def backup_of(instance: dg.DagsterInstance, settings: SafetySettings) -> BackupFact | None:
    """The notes about both; None if no backup was made and none is wanted."""
    made, tested = noted(instance)
    wanted = settings.backup_every_hours * 3600.0 if settings.backup_url else None
    if not (made or tested or wanted):
        return None
    return BackupFact(
        wanted_every=wanted,
        made=made.at if made else None,
        size=made.size if made else None,
        tested=tested.at if tested else None,
    )
