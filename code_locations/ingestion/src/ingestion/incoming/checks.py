"""Check of arrived files: none waits in quarantine for somebody to mend it."""

from __future__ import annotations

import json

import dagster as dg

from ingestion.incoming.moving import NOTE_SUFFIX
from ingestion.settings import IncomingSettings
from ingestion.table_view import markdown_table
from stack.settings import load_settings
from stack.storage import filesystem

ASSET = dg.AssetKey("file_processing")
QUARANTINE_EMPTY = "quarantine_empty"
NOTES_SHOWN = 20


def quarantine_empty() -> dg.AssetCheckEvaluation:
    """Evaluation of `quarantine_empty` on the quarantine as it is."""
    settings = load_settings(IncomingSettings)
    fs, folder = filesystem(settings.quarantine)
    try:
        notes = sorted(path for path in fs.find(folder) if path.endswith(NOTE_SUFFIX))
    except FileNotFoundError:
        notes = []
    rows = [_row(path, fs.cat_file(path)) for path in notes[:NOTES_SHOWN]]
    return dg.AssetCheckEvaluation(
        asset_key=ASSET,
        check_name=QUARANTINE_EMPTY,
        passed=not notes,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{len(notes)} files in {settings.quarantine}: mend each and drop it again, and "
            "remove it and its note"
            if notes
            else None
        ),
        metadata={
            "quarantined": len(notes),
            "files": dg.MetadataValue.md(
                markdown_table(("file", "reason", "at"), rows) if rows else "none"
            ),
        },
    )


def _row(path: str, content: bytes) -> tuple[str, str, str]:
    try:
        note = json.loads(content)
        return note["file"], note["reason"], note["at"]
    except (ValueError, LookupError, TypeError):  # a file that only has the name of a note
        return path.rsplit("/", 1)[-1], "no note of the stack", ""


@dg.asset_check(
    asset=ASSET, name=QUARANTINE_EMPTY, description="No arrived file waits to be mended."
)
def files_checks() -> dg.AssetCheckResult:
    """Looks into the quarantine, without loading anything."""
    found = quarantine_empty()
    return dg.AssetCheckResult(
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )
