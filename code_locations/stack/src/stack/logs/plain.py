"""Log lines without colours when output isn't a terminal: the journal takes them for binary."""

from __future__ import annotations

import logging
import re
from typing import Any

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def write_plain() -> None:
    """Strip colours from what handlers write to streams; Dagster's handlers always add them."""
    logging.StreamHandler.format = _formatted  # type: ignore[method-assign,assignment]


def _formatted(handler: logging.StreamHandler[Any], record: logging.LogRecord) -> str:
    return _COLOUR.sub("", logging.Handler.format(handler, record))
