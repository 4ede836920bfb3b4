"""All output of this process and its children, into files of bounded size."""

from __future__ import annotations

import logging
import os
import signal
from logging.handlers import RotatingFileHandler
from pathlib import Path

MOST_BYTES = 10 << 20
FORMER_FILES = 4


def log_into(file: Path, most_bytes: int = MOST_BYTES) -> None:
    """Redirect output from now on; a full file becomes `<name>.1`, and at most five are kept.

    A separate process writes it and ends after all others, so their last words are logged too.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        _copy(reading, file, most_bytes)
        os._exit(0)
    os.close(reading)
    for number in (1, 2):
        os.dup2(writing, number)
    os.close(writing)


def _copy(reading: int, file: Path, most_bytes: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    kept = RotatingFileHandler(file, maxBytes=most_bytes, backupCount=FORMER_FILES)
    kept.setFormatter(logging.Formatter("%(message)s"))
    with os.fdopen(reading, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            kept.handle(logging.makeLogRecord({"msg": line.rstrip("\n")}))
