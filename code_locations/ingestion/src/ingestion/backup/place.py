"""Where backups are: a file, or a folder of them on this machine or in a bucket."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from ingestion.backup.errors import BackupError
from ingestion.settings import BackupSettings
from stack.settings import SettingsError, load_settings
from stack.storage import S3Access, filesystem

NEWEST = "latest"
_NAME = re.compile(r"freelancer-data-(\d{8}T\d{6}Z)\.tar\.gz(\.age)?")
_PARTIAL = ".{}.part"  # left by a killed process
_MOMENT = "%Y%m%dT%H%M%SZ"


def name_of(made_at: datetime, *, is_encrypted: bool) -> str:
    """The name of a backup in a folder; names sort by age."""
    return f"freelancer-data-{made_at:{_MOMENT}}.tar.gz{'.age' if is_encrypted else ''}"


@dataclass(frozen=True)
class Stored:
    """A backup in a folder, and its size in bytes."""

    name: str
    made_at: datetime
    size: int


class Place:
    """A folder of backups, or one file to be written or read."""

    def __init__(self, url: str, settings: BackupSettings) -> None:
        self.url = url
        access = _access(settings)
        # Another store may have a bucket of the same name.
        self.is_elsewhere = bool(access and access.endpoint_url and url.startswith("s3://"))
        self._fs, self._path = filesystem(url, access)
        self._is_local = "file" in self._fs.protocol
        is_named = re.search(r"\.tar\.gz(\.age)?$", url) is not None
        self.is_folder = url.endswith("/") or (not is_named and self._may_be_folder())

    def _may_be_folder(self) -> bool:
        return not self._is_local or Path(self._path).is_dir()

    def named(self, name: str) -> Place:
        """The backup of that name in this folder."""
        made = object.__new__(Place)
        made.__dict__.update(self.__dict__)
        made.url, made._path = f"{self.url.rstrip('/')}/{name}", f"{self._path}/{name}"
        made.is_folder = False
        return made

    def backups(self) -> list[Stored]:
        """The backups in this folder, oldest first; other files are ignored."""
        try:
            entries = self._fs.ls(self._path, detail=True)
        except FileNotFoundError:
            return []
        found = []
        for entry in entries:
            name = str(entry["name"]).rsplit("/", 1)[-1]
            if matched := _NAME.fullmatch(name):
                made_at = datetime.strptime(matched[1], _MOMENT).replace(tzinfo=UTC)
                found.append(Stored(name, made_at, int(entry.get("size") or 0)))
        return sorted(found, key=lambda stored: stored.name)

    def newest(self) -> Place:
        """The newest backup in this folder. Raises BackupError if there is none."""
        found = self.backups()
        if not found:
            raise BackupError(
                self.url, found="no backup", next_step="name a file, or another folder"
            )
        return self.named(found[-1].name)

    @contextmanager
    def writing(self) -> Iterator[IO[bytes]]:
        """A new file, which appears only if the block ends without an error.

        Raises BackupError if it already exists.
        """
        if self._fs.exists(self._path):
            raise BackupError(
                self.url, found="a file", next_step="delete it, or choose another name"
            )
        if self._is_local:
            with _written_beside(Path(self._path)) as out:
                yield out
            return
        uploaded: Any = self._fs.open(self._path, "wb", autocommit=False)
        try:
            yield uploaded
            uploaded.close()
        except BaseException:
            with suppress(Exception):
                uploaded.discard()
            raise
        uploaded.commit()

    def opened(self) -> IO[bytes]:
        """The file, open for reading. Raises BackupError if it doesn't exist."""
        try:
            opened: IO[bytes] = self._fs.open(self._path, "rb")
        except (FileNotFoundError, IsADirectoryError):
            raise BackupError(self.url, found="no backup", next_step="`stack backup --list`, or "
                              "the folder, has those that there are") from None  # fmt: skip
        return opened

    def prune(self, days: int, now: datetime) -> list[str]:
        """Delete backups older than `days` (0: none), but never the newest; return their names."""
        if not days:
            return []
        if self._is_local:
            for partial in Path(self._path).glob(_PARTIAL.format("freelancer-data-*")):
                if now.timestamp() - partial.stat().st_mtime > timedelta(days=1).total_seconds():
                    partial.unlink(missing_ok=True)
        old = [s for s in self.backups()[:-1] if now - s.made_at > timedelta(days=days)]
        for stored in old:
            self._fs.rm(f"{self._path}/{stored.name}")
        return [stored.name for stored in old]


@contextmanager
def _written_beside(file: Path) -> Iterator[IO[bytes]]:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(_PARTIAL.format(file.name))
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _access(settings: BackupSettings) -> S3Access | None:
    """Access to a separate store for backups; None: the stack's own store."""
    key, secret = settings.backup_access_key_id, settings.backup_secret_access_key
    if (key is None) != (secret is None):
        raise SettingsError("BACKUP_ACCESS_KEY_ID and BACKUP_SECRET_ACCESS_KEY go together")
    if key is None and settings.backup_endpoint_url is None and settings.backup_region is None:
        return None
    return S3Access(
        key,
        secret.get_secret_value() if secret else None,
        settings.backup_endpoint_url,
        settings.backup_region or "us-east-1",
    )


def place(url: str | None) -> Place:
    """The place at `url`, or at BACKUP_URL. Raises BackupError without either."""
    settings = load_settings(BackupSettings)
    wanted = url or settings.backup_url
    if not wanted:
        raise BackupError("no place for the backup", next_step="name a file, or set BACKUP_URL")
    return Place(wanted if url else f"{wanted.rstrip('/')}/", settings)
