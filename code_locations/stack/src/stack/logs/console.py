"""Writes everything that this process prints to its console as lines of JSON."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from stack.logs import work
from stack.logs.format import BEGIN, LogLine

# Programs that write nothing but a log: Dagster's, our replacements, and what these start.
SERVICES = frozenset(
    {"dagster", "dagster-daemon", "dagster-webserver", "observe", "pods.daemon", "pods.webserver",
     "stack.sync.server", "standby.py", "--multiprocessing-fork"}
)  # fmt: skip
_line = LogLine()


def write_json() -> None:
    """Give every handler that writes to the console the same format, including later ones.

    Dagster and uvicorn create theirs anew whenever they start, and accept no other format.
    """
    logging.StreamHandler.format = _formatted  # type: ignore[method-assign,assignment]
    warnings.showwarning = _warned  # `logging.captureWarnings` might write nothing
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    work.begin_process()


def serves() -> bool:
    """Whether this program's output is a log rather than a result that a person reads."""
    began = sys.orig_argv[:3] + sys.orig_argv[-1:]
    return not SERVICES.isdisjoint(Path(part).name for part in began)


def log_prints() -> None:
    """Turn printed lines into log lines too; for processes whose output is a log."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Lines):
            lines = _Lines(stream, name)
            atexit.register(lines.end)
            setattr(sys, name, lines)


class _Lines:
    """A stream that passes log lines on, and turns everything else into log lines."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name
        self._open = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Write whole lines, and keep an unfinished one for later."""
        with self._lock:
            *whole, self._open = f"{self._open}{text}".split("\n")
            for line in filter(str.strip, whole):
                self._stream.write(f"{self._as_json(line)}\n")
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def end(self) -> None:
        """Write the unfinished line, as the process ends."""
        if self._open.strip():
            self.write("\n")
        self._stream.flush()

    def _as_json(self, line: str) -> str:
        if line.startswith(BEGIN):
            return line
        where = (self._name, logging.INFO, "", 0)
        return _line.format(logging.LogRecord(*where, line.rstrip("\r"), None, None))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _formatted(handler: logging.StreamHandler[Any], record: logging.LogRecord) -> str:
    stream = handler.stream
    console = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    if stream is not None and any(stream is one for one in console):
        return _line.format(record)
    return logging.Handler.format(handler, record)


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any
) -> None:
    where = {"file": filename, "line": lineno}
    logging.getLogger("warnings").warning("%s: %s", category.__name__, message, extra=where)


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logging.getLogger("uncaught").critical(
        "%s: %s", kind.__name__, error, exc_info=(kind, error, traceback)
    )


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
