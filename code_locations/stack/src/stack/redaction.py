"""Secrets out of every text that a person may see.

`load_settings` remembers the value of each secret setting here. What leaves the process has three
edges: log records, which `guard_logs` masks whichever library wrote them, events of runs, which
`stack.run_log` masks, and the messages of `stack.errors`, which commands and sensors show.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

MASK = "***"
# Shorter ones would blank out half of every line, and guard nothing.
SHORTEST = 4


class Redactor:
    """Replaces secrets by `***`, also where they were escaped as JSON, for a URL or for libpq."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form
            for secret in secrets
            if len(secret) >= SHORTEST
            for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), _libpq(secret))
        }
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """`text` with every secret masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text


def _libpq(secret: str) -> str:
    return secret.replace("\\", "\\\\").replace("'", "\\'")


_known: set[str] = set()
_mask = Redactor(())


def remember(secret: str) -> None:
    """Mask a secret from now on; of a URL, the password in it too."""
    global _mask  # noqa: PLW0603 - what a process knows, known to all its logs
    try:
        password = urlsplit(secret).password or ""
    except ValueError:
        password = ""
    found = {secret, password, unquote(password)} - {""}
    if not found <= _known:
        _known.update(found)
        _mask = Redactor(_known)


def knows_secrets() -> bool:
    """Whether there is anything to mask."""
    return bool(_known)


def redact(text: str) -> str:
    """`text` with every secret that this process knows masked."""
    return _mask(text)


def guard_logs() -> None:
    """Let no log record of this process carry a secret, traceback included."""
    make = logging.getLogRecordFactory()
    if getattr(make, "guards", False):
        return

    def guarded(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = make(*arguments, **options)
        if not _known:
            return record
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # its arguments don't fit: logging says so itself
            return record
        if (masked := redact(said)) != said:
            record.msg, record.args = masked, None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return record

    guarded.guards = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(guarded)
