"""A connector as a child process: its output lines, time limits and end."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.airbyte.interrupts import interrupts_held
from stack.errors import StackError

CHUNK_BYTES = 1 << 20
# The protocol sets no limit; a longer line is no record but broken output.
MAX_LINE_BYTES = 64 << 20
STDERR_LINES = 20
TERM_GRACE_SECONDS = 5.0
# From the end of a process's output to its own end.
EXIT_SECONDS = 30.0

# A connector needs to reach its API, and nothing else from the stack's environment.
PASSED_ON = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)


class ProcessError(StackError):
    """A connector's process failed; the message says how, and holds none of our secrets."""


@dataclass(frozen=True)
class Limits:
    """Seconds that a process may take in all, and while we wait for one line."""

    deadline: float
    silence: float


def minimal_environment(home: Path, bin_folder: Path) -> dict[str, str]:
    """A connector's environment: its own home, proxies and certificates; no secrets."""
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {
        "PATH": f"{bin_folder}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "DO_NOT_TRACK": "1",
    }


class ConnectorProcess:
    """A running connector. As a context manager, it ends the whole process group on leaving."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path
    ) -> None:
        child: subprocess.Popen[bytes] | None = None
        try:
            with interrupts_held():
                child = self._child = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=dict(environment),
                    cwd=folder,
                    # Its own group, to end its workers with it, and to keep Ctrl-C from it.
                    start_new_session=True,
                )
        except OSError as error:
            raise ProcessError(f"{command[0]} can't be started: {error.strerror}") from error
        except BaseException:
            if child is not None:
                self.stop()
            raise
        self._started = time.monotonic()
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._open_stderr = b""

    def __enter__(self) -> ConnectorProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def stderr_tail(self) -> list[str]:
        """The last lines that it wrote to standard error."""
        rest = self._open_stderr.decode(errors="replace").strip()
        return [*self._stderr, rest][-STDERR_LINES:] if rest else list(self._stderr)

    def lines(self, limits: Limits) -> Iterator[bytes]:
        """Lines of standard output, without line ends, until it is closed.

        Silence counts while we wait, not while the caller works. An unterminated last line is
        yielded too: the reader will notice that it is cut off. Raises ProcessError when a limit is
        exceeded or a line is longer than MAX_LINE_BYTES.
        """
        out, err = self._child.stdout, self._child.stderr
        assert out is not None and err is not None  # noqa: S101 - both are pipes
        pending: list[bytes] = []
        size = 0
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            selector.register(err, selectors.EVENT_READ)
            heard = time.monotonic()
            while True:
                for key, _ in self._wait(selector, heard, limits):
                    chunk = os.read(key.fd, CHUNK_BYTES)
                    if key.fileobj is err:
                        self._take_stderr(chunk)
                        if not chunk:
                            selector.unregister(err)
                        continue
                    if not chunk:
                        if pending:
                            yield b"".join(pending)
                        return
                    first, *others = chunk.split(b"\n")
                    pending.append(first)
                    size += len(first)
                    if others:
                        yield b"".join(pending)
                        yield from others[:-1]
                        pending, size = [others[-1]], len(others[-1])
                    if size > MAX_LINE_BYTES:
                        raise ProcessError(
                            f"a line of output is longer than {MAX_LINE_BYTES >> 20} MiB"
                        )
                    heard = time.monotonic()

    def _wait(
        self, selector: selectors.BaseSelector, heard: float, limits: Limits
    ) -> list[tuple[selectors.SelectorKey, int]]:
        now = time.monotonic()
        left = min(self._started + limits.deadline - now, heard + limits.silence - now)
        events = selector.select(max(0.0, left))
        if time.monotonic() - self._started >= limits.deadline:
            raise ProcessError(
                f"not done after {limits.deadline:g} s; stopped (AIRBYTE_DEADLINE_SECONDS)"
            )
        if not events:
            raise ProcessError(
                f"no output for {limits.silence:g} s; stopped (AIRBYTE_SILENCE_SECONDS)"
            )
        return events

    def _take_stderr(self, chunk: bytes) -> None:
        *whole, self._open_stderr = (self._open_stderr + chunk).split(b"\n")
        self._stderr.extend(
            text for line in whole if (text := line.decode(errors="replace").rstrip())
        )
        self._open_stderr = self._open_stderr[-CHUNK_BYTES:]

    def wait(self) -> int:
        """The exit code after all output was read. Raises ProcessError if it doesn't end then."""
        try:
            code = self._child.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise ProcessError(
                f"it closed its output and was still running {EXIT_SECONDS:g} s later; stopped"
            ) from None
        self._drain_stderr()
        return code

    def exit_code_soon(self) -> int | None:
        """The exit code of a process that is about to end by itself; None if it goes on."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._child.wait(1.0)
        return None

    def _drain_stderr(self) -> None:
        err = self._child.stderr
        if err is None or err.closed:
            return
        os.set_blocking(err.fileno(), False)
        with contextlib.suppress(BlockingIOError):  # a worker may still have it open
            while chunk := os.read(err.fileno(), CHUNK_BYTES):
                self._take_stderr(chunk)

    def stop(self) -> None:
        """End the process group, first politely, then by force. Does nothing if it is gone."""
        try:
            if self._child.poll() is None:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(TERM_GRACE_SECONDS)
        finally:
            # Also if it ended by itself or we were interrupted: workers may be left.
            self._signal(signal.SIGKILL)
            self._child.wait()
            for pipe in (self._child.stdout, self._child.stderr):
                if pipe is not None:
                    pipe.close()

    def _signal(self, number: int) -> None:
        # Already gone, or (macOS, EPERM) only zombies are left in the group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)
