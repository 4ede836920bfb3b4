"""The error that stops one file, and no other."""

from __future__ import annotations

from stack.errors import StackError


class UnreadableFileError(StackError):
    """A file's content can't be loaded; the message is the reason."""
