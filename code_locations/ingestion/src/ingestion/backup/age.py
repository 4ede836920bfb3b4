"""Encryption with age, https://age-encryption.org: the public key alone can't read backups."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import IO, NamedTuple

from ingestion.backup.errors import BackupError

MAGIC = b"age-encryption.org/"


class KeyPair(NamedTuple):
    """`recipient` encrypts, `identity` decrypts and is a secret."""

    recipient: str
    identity: str


def new_key_pair() -> KeyPair:
    """Generate a new pair."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    return KeyPair(str(identity.to_public()), str(identity))


@contextmanager
def encrypting(out: IO[bytes], recipient: str) -> Iterator[IO[bytes]]:
    """A file whose content is encrypted into `out`. Raises BackupError for a bad recipient."""
    import pyrage

    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise BackupError(
            "BACKUP_RECIPIENT",
            found="no public key of age",
            expected="age1…",
            next_step="`stack backup-key` makes one",
        ) from None
    read_end, write_end = os.pipe()
    reader = os.fdopen(read_end, "rb")
    worker = _Worker(lambda: pyrage.encrypt_io(reader, out, [key]), reader)
    try:
        with os.fdopen(write_end, "wb") as pipe:
            yield pipe
    except BrokenPipeError:
        worker.join()
        raise worker.error or BackupError("the backup can't be encrypted") from None
    worker.join()
    if worker.error is not None:
        raise worker.error


@contextmanager
def decrypting(source: IO[bytes], identity: str | None) -> Iterator[IO[bytes]]:
    """The content of an encrypted file. Raises BackupError if it can't be decrypted."""
    import pyrage

    if identity is None:
        raise BackupError(
            "the backup is encrypted",
            next_step="give its key: BACKUP_IDENTITY, or --identity FILE",
        )
    try:
        key = pyrage.x25519.Identity.from_str(identity.strip())
    except pyrage.IdentityError:
        raise BackupError(
            "BACKUP_IDENTITY, or the file of --identity",
            found="no secret key of age",
            expected="AGE-SECRET-KEY-1…",
        ) from None
    read_end, write_end = os.pipe()
    writer = os.fdopen(write_end, "wb")
    worker = _Worker(lambda: pyrage.decrypt_io(source, writer, [key]), writer)
    try:
        with os.fdopen(read_end, "rb") as pipe:
            yield pipe
    except Exception:
        worker.join()
        _require_decrypted(worker.error)
        raise
    worker.join()
    _require_decrypted(worker.error)


def _require_decrypted(error: BaseException | None) -> None:
    """A broken pipe isn't an error: the reader had read enough."""
    import pyrage

    if isinstance(error, pyrage.DecryptError) and "matching" in str(error):
        raise BackupError(
            "the backup is encrypted for another key", next_step="give the identity of that one"
        ) from None
    if error is not None and not isinstance(error, BrokenPipeError):
        raise BackupError(
            "the backup can't be decrypted",
            found=str(error),
            next_step="it is damaged or cut off; use another one",
        ) from error


class _Worker(Thread):
    """Runs `work` beside its caller, closes its end of the pipe, and keeps its error."""

    def __init__(self, work: Callable[[], None], end: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None
        self._work, self._end = work, end
        self.start()

    def run(self) -> None:
        try:
            with self._end:
                self._work()
        except BaseException as error:  # raised again by whoever waits for it
            self.error = error
