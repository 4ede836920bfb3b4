"""Local files that a reader sees whole or not at all."""

from __future__ import annotations

import uuid
from pathlib import Path


def write_file(file: Path, content: str | bytes) -> None:
    """Write a file (text as UTF-8) and its parent folders; a failure leaves the old content."""
    file.parent.mkdir(parents=True, exist_ok=True)
    hidden = file.with_name(f".{uuid.uuid4().hex}.tmp")  # short: a long name might not fit
    try:
        hidden.write_bytes(content.encode() if isinstance(content, str) else content)
        hidden.replace(file)
    finally:
        hidden.unlink(missing_ok=True)


def keep_file(file: Path, text: str) -> bool:
    """Make a file have this text; return whether it had to be written."""
    if file.is_file() and file.read_text("utf-8") == text:
        return False
    write_file(file, text)
    return True
