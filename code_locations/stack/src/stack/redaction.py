"""Keeps secrets out of every text that a person may see.

`load_settings` registers here each secret's value, and each password in another setting's URL. Text
leaves the process in three places: log records, masked by `guard_logs` whichever library wrote
them; events of runs, masked by `stack.run_log`; and the messages of `stack.errors`, which commands
and sensors show.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, unquote, urlsplit

MASK = "***"
# Masking shorter ones would garble every line and protect nothing.
SHORTEST = 4
SHORTEST_OF_PATH = 8
_PASSWORD = re.compile(r"://[^/?#\s:@]*:([^/?#\s]+)@")


class Redactor:
    """Replaces secrets by `***`, also where they were escaped for JSON, a URL or libpq."""

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


def _parts_of_url(secret: str) -> Iterator[str]:
    """The password in a URL; in a web address also long parts of the path, which errors quote."""
    try:
        url = urlsplit(secret)
    except ValueError:
        return
    password = url.password or ""
    yield from (password, unquote(password))
    if url.scheme in ("http", "https"):
        yield from (part for part in url.path.split("/") if len(part) >= SHORTEST_OF_PATH)


_known: set[str] = set()
_mask = Redactor(())


def remember(secret: str) -> None:
    """Mask a secret from now on; for a URL, its secret parts too."""
    _learn({secret, *_parts_of_url(secret)} - {""})


def remember_passwords(text: str) -> None:
    """Mask from now on the passwords of the URLs in what is otherwise no secret."""
    found = set(_PASSWORD.findall(text))
    _learn(found | set(map(unquote, found)))


def _learn(found: set[str]) -> None:
    global _mask  # noqa: PLW0603 - what a process knows, known to all its logs
    if not found <= _known:
        _known.update(found)
        _mask = Redactor(_known)


def knows_secrets() -> bool:
    """Whether there is anything to mask."""
    return bool(_known)


def redact(text: str) -> str:
    """`text` with every secret known to this process masked."""
    return _mask(text)


def guard_logs() -> None:
    """Mask secrets in all log records of this process, tracebacks included."""
    make = logging.getLogRecordFactory()
    if getattr(make, "guards", False):
        return

    def guarded(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = make(*arguments, **options)
        if not _known:
            return record
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # wrong arguments: logging reports that itself
            return record
        if (masked := redact(said)) != said:
            record.msg, record.args = masked, None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return record

    guarded.guards = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(guarded)
