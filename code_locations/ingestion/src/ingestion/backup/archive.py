"""A backup as a file: a gzipped tar that ends with its contents, optionally encrypted with age.

By hand: `age -d -i key FILE | tar xz`, or `tar xzf FILE`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from ingestion.backup.age import MAGIC, decrypting, encrypting
from ingestion.backup.errors import BackupError
from ingestion.backup.manifest import BEGINNING, END, Contents, Manifest, Member
from stack.storage import printable

CHUNK = 2**20
IN_MEMORY = 32 * 2**20
# Parquet and DuckDB's file are already compressed; a higher level only costs time.
LEVEL = 1

M = TypeVar("M", bound=BaseModel)
Opener = Callable[[], IO[bytes]]


@dataclass
class Writer:
    """Adds files to a backup; made by `write`."""

    _tar: tarfile.TarFile
    _scratch: Path
    contents: Contents

    def add(
        self, name: str, source: IO[bytes], *, size: int | None = None, mtime: float = 0
    ) -> None:
        """Add the rest of `source`; with `size` it isn't read twice.

        Raises BackupError if there are fewer bytes than `size`.
        """
        with ExitStack() as stack:
            if size is None:
                spool = stack.enter_context(self.spool())
                shutil.copyfileobj(source, spool, CHUNK)
                size = spool.tell()
                spool.seek(0)
                source = spool
            reading = _Hashing(source)
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = size, mtime, 0o600
            try:
                self._tar.addfile(info, reading)
            except OSError as error:
                if "unexpected end" not in str(error):
                    raise
                raise BackupError(
                    name, found="a file that got shorter", next_step="make the backup again"
                ) from None
        self.contents.members[printable(name)] = Member(
            size=size, sha256=reading.sha256.hexdigest()
        )

    def add_json(self, name: str, text: str) -> None:
        """Add a small text."""
        self.add(name, io.BytesIO(text.encode()))

    def spool(self) -> SpooledTemporaryFile[bytes]:
        """A temporary file that stays in memory while it is small."""
        return SpooledTemporaryFile(IN_MEMORY, dir=str(self._scratch))


@contextmanager
def write(
    out: IO[bytes], manifest: Manifest, scratch: Path, recipient: str | None = None
) -> Iterator[Writer]:
    """A backup written to `out`, complete when the block ends without an error.

    `recipient`: age's public key to encrypt it for. Raises BackupError if it isn't one.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        if recipient is not None:
            out = stack.enter_context(encrypting(out, recipient))
        packed = stack.enter_context(
            gzip.GzipFile(fileobj=out, mode="wb", compresslevel=LEVEL, mtime=0)
        )
        tar = stack.enter_context(
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK)
        )
        writer = Writer(tar, scratch, Contents())
        writer.add_json(BEGINNING, manifest.model_dump_json(indent=2))
        yield writer
        writer.add_json(END, writer.contents.model_dump_json(indent=1))


@dataclass
class Reading:
    """A backup being read: its manifest, and its other files in order, each to be read at once."""

    manifest: Manifest
    files: Iterator[File]


@dataclass(frozen=True)
class File:
    """A file of a backup; `content` can be read until the next file is requested."""

    name: str
    size: int
    mtime: float
    content: IO[bytes]

    def put(self, fs: Any, target: str) -> None:
        """Write it to a fsspec file system."""
        if "file" in fs.protocol:
            self.write_to(Path(target))
            return
        with fs.open(target, "wb") as out:
            shutil.copyfileobj(self.content, out, CHUNK)

    def write_to(self, target: Path) -> None:
        """Write it on this machine, with its original time."""
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(self.content, out, CHUNK)
        if self.mtime:
            os.utime(target, (self.mtime, self.mtime))


@contextmanager
def read(opened: Opener, identity: str | None = None) -> Iterator[Reading]:
    """The backup that `opened` returns.

    Raises BackupError if it isn't one, is cut off or damaged (at the end of `files` at the latest),
    or is encrypted for another age identity than `identity`.
    """
    with _told(), ExitStack() as stack:
        source = stack.enter_context(opened())
        beginning = source.read(len(MAGIC))
        source = _Again(beginning, source)  # type: ignore[assignment]
        if beginning == MAGIC:
            source = stack.enter_context(decrypting(source, identity))
        unpacked = stack.enter_context(gzip.GzipFile(fileobj=source, mode="rb"))
        tar = stack.enter_context(tarfile.open(fileobj=unpacked, mode="r|", bufsize=CHUNK))
        first = tar.next()
        if first is None or first.name != BEGINNING:
            raise BackupError("the backup", found="a tar of another kind")
        yield Reading(_parsed(Manifest, _content(tar, first)), _files(tar))


def verify(opened: Opener, identity: str | None = None) -> tuple[Manifest, dict[str, int]]:
    """Read a whole backup: its manifest, and the bytes of each file. Raises as `read` does."""
    with read(opened, identity) as reading:
        return reading.manifest, {file.name: file.size for file in reading.files}


def require_below(file: File) -> None:
    """Raise BackupError if the file's name leads out of the folder that it is restored to."""
    parts = PurePosixPath(file.name).parts
    if not parts or ".." in parts or file.name.startswith("/"):
        raise BackupError(f"the backup's file {printable(file.name)}", found="no such place")


def _files(tar: tarfile.TarFile) -> Iterator[File]:
    seen: dict[str, Member] = {}
    while (info := tar.next()) is not None:
        content = _content(tar, info)
        if info.name == END:
            expected = _parsed(Contents, content).members
            expected.pop(BEGINNING)
            _compare(expected, seen)
            return
        hashing = _Hashing(content)
        yield File(info.name, info.size, float(info.mtime), hashing)  # type: ignore[arg-type]
        while hashing.read(CHUNK):  # whatever the file's reader left
            pass
        seen[printable(info.name)] = Member(size=info.size, sha256=hashing.sha256.hexdigest())
    raise BackupError("the backup", found="no end: it was cut off", next_step="use another one")


def _compare(expected: dict[str, Member], found: dict[str, Member]) -> None:
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise BackupError(
                f"the backup's file {name}",
                found="another content than it was made with",
                next_step="the backup is damaged; use another one",
            )


def _parsed(cls: type[M], content: IO[bytes]) -> M:
    try:
        return cls.model_validate_json(content.read())
    except ValidationError as error:
        raise BackupError(
            "the backup",
            found=f"made by another version of the stack ({error.errors()[0]['msg']})",
            next_step="restore it with that version",
        ) from None


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(info) if info.isreg() else None
    if content is None:
        raise BackupError(f"the backup's entry {info.name}", found="no file")
    return content


@contextmanager
def _told() -> Iterator[None]:
    """Libraries' errors about a damaged file, as one error."""
    try:
        yield
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BackupError(
            "the backup can't be read",
            found=f"no backup of this stack, or one that is damaged or cut off ({error})",
            next_step="use another one",
        ) from error


class _Hashing:
    """A reader that hashes what is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        read = self._source.read(size)
        self.sha256.update(read)
        return read


class _Again(io.RawIOBase):
    """A stream whose first bytes have already been read."""

    def __init__(self, beginning: bytes, rest: IO[bytes]) -> None:
        self._beginning, self._rest = beginning, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._beginning[: len(buffer)] or self._rest.read(len(buffer))
        self._beginning = self._beginning[len(buffer) :]
        buffer[: len(read)] = read
        return len(read)
