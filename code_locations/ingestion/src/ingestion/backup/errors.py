"""What can go wrong with a backup."""

from collections.abc import Iterator
from contextlib import contextmanager

from stack.errors import StackError, reason


class BackupError(StackError):
    """A backup can't be made, read or restored; the message says why and the next step."""


def not_empty(what: str, found: str) -> BackupError:
    """The error that a backup's place isn't empty."""
    return BackupError(
        what,
        found=found,
        expected="an empty stack",
        next_step="restore into an empty one; on one machine --replace moves what is there aside",
    )


@contextmanager
def told_of(what: str, next_step: str) -> Iterator[None]:
    """Turn what a database or store raises in the block into one line."""
    try:
        yield
    except (StackError, OSError):
        raise
    except Exception as error:  # each library has its own errors
        raise BackupError(what, found=reason(error), next_step=next_step) from error
