"""Restores a backup into an empty stack.

It is read twice: first to check all of it, then to put it in place. If the second is interrupted,
it has to be repeated; until it ends, nothing else opens the stack.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from ingestion.backup import folders, runs, warehouse
from ingestion.backup.archive import File, read, verify
from ingestion.backup.aside import move_aside
from ingestion.backup.errors import BackupError, told_of
from ingestion.backup.manifest import Manifest
from ingestion.backup.place import Place
from stack.backups import TESTED, note
from stack.one_machine.home import RESTORING
from stack.settings import StackSettings, WarehouseSettings, load_settings

OpenInstance = Callable[[], AbstractContextManager[dg.DagsterInstance]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """A restored backup; `ended`: the number of runs that were unfinished when it was made."""

    id: str
    made_at: datetime
    files: int
    size: int
    ended: int = 0


def check(source: Place, identity: str | None) -> Restored:
    """Read a whole backup and change nothing. Raises BackupError if it can't be restored."""
    manifest, sizes = verify(source.opened, identity)
    return Restored(manifest.id, manifest.made_at, len(sizes), sum(sizes.values()))


def restored_before(open_instance: OpenInstance) -> str | None:
    """The id of the backup that this stack was restored from, if it was."""
    with open_instance() as instance:
        return runs.note(instance, runs.RESTORED)


def restore(
    source: Place,
    identity: str | None,
    open_instance: OpenInstance,
    say: Say,
    *,
    replace: bool = False,
) -> Restored:
    """Put a backup into the stack that the settings name, which must be empty.

    `identity` is age's secret key, for an encrypted one. `replace` moves what is in STACK_HOME
    aside. Raises BackupError before anything is changed if the backup or the stack doesn't fit.
    """
    settings, home = load_settings(WarehouseSettings), load_settings(StackSettings).stack_home
    found = folders.folders()
    manifest, sizes = verify(source.opened, identity)
    done = Restored(manifest.id, manifest.made_at, len(sizes), sum(sizes.values()))
    say(f"checked: {done.files:,} files, {done.size / 1e6:,.1f} MB, made {done.made_at:%F %T} UTC")
    with open_instance() as instance:
        runs.require_idle(instance)
        storage = runs.run_storage(instance)
        _require_fit(manifest, storage, settings, found)
        begun = runs.note(instance, RESTORING)
        if begun not in {None, manifest.id} and not replace:
            raise BackupError(
                "another backup was begun to be restored here",
                next_step="restore that one, or begin with an empty stack",
            )
        if begun != manifest.id:
            aside = home if replace else None
            runs.require_empty(instance, aside)
            warehouse.require_empty(settings, aside)
            folders.require_empty(found, aside)
    if replace and begun != manifest.id:
        say(f"what was there is in {move_aside(home)}")
    with open_instance() as instance:
        runs.set_note(instance, RESTORING, manifest.id)
    _place(source, identity, storage, settings, found)
    with open_instance() as instance:
        ended = runs.end_runs(instance)
        runs.set_note(instance, runs.RESTORED, manifest.id)
        runs.clear_note(instance, RESTORING)
        note(instance, TESTED, done.size)
    return dataclasses.replace(done, ended=ended)


def _place(
    source: Place,
    identity: str | None,
    storage: runs.RunStorage,
    settings: WarehouseSettings,
    found: list[folders.Folder],
) -> None:
    """Runs come first in a backup but become visible last: with them it counts as restored."""
    of_runs, of_warehouse = runs.Restoring(storage), warehouse.Restoring(settings)
    put_into_folder = folders.restorer(found)
    with (
        told_of("the backup is half restored", "put that right, and restore it again"),
        of_runs,
        of_warehouse,
        read(source.opened, identity) as reading,
    ):
        for file in reading.files:
            part, _, name = file.name.partition("/")
            inner = File(name, file.size, file.mtime, file.content)
            if part == runs.FOLDER:
                of_runs.put(inner)
            elif part == warehouse.FOLDER:
                of_warehouse.put(inner)
            else:
                put_into_folder(file)
        of_warehouse.finish()
        of_runs.finish(reading.manifest.id)


def _require_fit(
    manifest: Manifest,
    storage: runs.RunStorage,
    settings: WarehouseSettings,
    found: list[folders.Folder],
) -> None:
    here = {
        "DAGSTER_POSTGRES_URL": (manifest.runs, storage.kind),
        "DLT_DESTINATION and DUCKLAKE_CATALOG_URL": (
            manifest.warehouse,
            warehouse.kind(settings),
        ),
        "the name of the warehouse (WAREHOUSE_PATH)": (manifest.database, settings.database),
    }
    for what, (was, is_now) in here.items():
        if was != is_now:
            raise BackupError(
                f"{what}: the backup was made with {was}",
                found=is_now,
                next_step="set it as it was then",
            )
    if storage.url and manifest.schema_revision != storage.schema_revision:
        raise BackupError(
            f"the backup was made by Dagster {manifest.dagster}",
            found=f"tables of another version ({storage.schema_revision})",
            expected=manifest.schema_revision,
            next_step="restore with the version that made it, then upgrade",
        )
    if missing := set(manifest.folders) - {folder.name for folder in found}:
        raise BackupError(
            f"the backup has a folder {min(missing)}",
            found="no place for it",
            next_step="name one in BACKUP_FOLDERS",
        )
