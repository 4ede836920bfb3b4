"""Makes a backup, part by part, while runs go on.

The order keeps it consistent, though its parts are from different moments: what refers to something
is saved before it. A cursor or a waiting file may be older than the warehouse; then a load is
repeated, which changes nothing. In the other order its rows would be missing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import dagster as dg

from ingestion.backup import folders, runs, warehouse
from ingestion.backup.archive import write
from ingestion.backup.errors import BackupError, told_of
from ingestion.backup.manifest import Manifest
from ingestion.backup.place import Place, name_of
from ingestion.settings import BackupSettings
from stack.backups import MADE, note
from stack.settings import StackSettings, WarehouseSettings, load_settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A finished backup; `left_out`: a reason for each path."""

    url: str
    files: int
    size: int
    left_out: dict[str, str]
    pruned: list[str]


def make(instance: dg.DagsterInstance, where: Place, say: Say) -> Made:
    """Save everything into the file or folder `where`; old backups in a folder are deleted.

    Raises BackupError, and what the stores raise; then there is no backup of this name.
    """
    settings = load_settings(BackupSettings)
    stack, lake = load_settings(StackSettings), load_settings(WarehouseSettings)
    found = folders.folders()
    if not where.is_elsewhere:
        _require_outside(where, found)
    storage = runs.run_storage(instance)
    manifest = Manifest(
        id=uuid.uuid4().hex,
        made_at=datetime.now(UTC),
        dagster=version("dagster"),
        duckdb=version("duckdb"),
        runs=storage.kind,
        schema_revision=storage.schema_revision,
        warehouse=warehouse.kind(lake),
        database=lake.database,
        folders=tuple(folder.name for folder in found),
    )
    recipient = settings.backup_recipient
    if where.is_folder:
        where_to = where.named(name_of(manifest.made_at, is_encrypted=recipient is not None))
    else:
        where_to = where
    scratch = stack.scratch / "backup"
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        told_of("the backup is not made", "put that right, and make it again"),
        where_to.writing() as out,
        write(out, manifest, scratch, recipient) as writer,
    ):
        runs.save(storage, writer, scratch)
        say(_told("runs", writer.contents.sizes(runs.FOLDER)))
        folders.save(found, writer)
        for folder in found:
            say(_told(folder.name, writer.contents.sizes(folder.name)))
        warehouse.save(lake, writer, scratch)
        say(_told("warehouse", writer.contents.sizes(warehouse.FOLDER)))
    sizes = [member.size for member in writer.contents.members.values()]
    note(instance, MADE, sum(sizes))
    pruned = where.prune(settings.backup_keep_days, manifest.made_at) if where.is_folder else []
    return Made(where_to.url, len(sizes), sum(sizes), writer.contents.left_out, pruned)


def _require_outside(where: Place, found: list[folders.Folder]) -> None:
    for folder in found:
        if folders.lies_in(where.url, folder.url):
            raise BackupError(
                where.url,
                found=f"a place in {folder.url}, which is part of the backup",
                next_step="choose another place, best on another machine",
            )


def _told(part: str, sizes: list[int]) -> str:
    return f"{part}: {len(sizes):,} files, {sum(sizes) / 1e6:,.1f} MB"
