"""What stops one file, and no other."""

from __future__ import annotations

from stack.errors import StackError


class UnreadableFileError(StackError):
    """The content of a file can't be loaded; the message is the reason."""
