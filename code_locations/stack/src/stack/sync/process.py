"""A process that has loaded one state of a location and serves it like `dagster api grpc`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dagster._api.list_repositories import sync_list_repositories_grpc
from dagster._core.errors import DagsterUserCodeProcessError, DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient, client_heartbeat_thread
from dagster_shared.error import SerializableErrorInfo

from stack.errors import StackError, one_line
from stack.logs import VARIABLE as LOG_FORMAT

START_DEADLINE_S = 180.0
_LOOK_EVERY_S = 0.05
_LONGEST_ERROR = 600
# Processes of ours: who waits for one gets its exit code.
_started: set[int] = set()


class LoadError(StackError):
    """A state can't be loaded; the message says why."""


def standby() -> subprocess.Popen[str]:
    """Start a process that does the slow imports ahead, for a LoadedCode to use."""
    environment = {name: value for name, value in os.environ.items() if name != LOG_FORMAT}
    process = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("standby.py"))],
        env=environment, stdin=subprocess.PIPE, text=True,
    )  # fmt: skip
    _started.add(process.pid)
    return process


def _reap_orphans() -> None:
    ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, ended)) and found.si_pid not in _started:
            os.waitpid(found.si_pid, 0)


class LoadedCode:
    """A process and its client. The process ends by itself when nobody queries it any more."""

    def __init__(
        self,
        arguments: list[str],
        environment: Mapping[str, str],
        process: subprocess.Popen[str],
    ) -> None:
        """Take over a standby. It loads the code when it is first asked for it."""
        self._folder = tempfile.TemporaryDirectory(prefix="code-")
        socket = str(Path(self._folder.name) / "grpc.sock")
        command = ["api", "grpc", "--socket", socket, "--lazy-load-user-code"]
        command += ["--heartbeat", "--heartbeat-timeout", "30", *arguments]
        self._process = process
        told = f"{json.dumps([command, dict(environment)])}\n"
        # In a thread: a standby that hangs takes no more than a pipe holds.
        threading.Thread(target=self._tell, args=(told,), daemon=True).start()
        self.client = DagsterGrpcClient(socket=socket)
        self._over = threading.Event()
        # Keep it alive from the start: loading may take longer than its timeout.
        threading.Thread(
            target=client_heartbeat_thread, args=(self.client, self._over), daemon=True
        ).start()

    def load(self) -> None:
        """Wait until it has loaded the code. If it can't, end it and raise LoadError."""
        try:
            self._wait()
            sync_list_repositories_grpc(self.client)
        except DagsterUserCodeProcessError as error:
            self.end()
            raise LoadError(_why(error.user_code_process_error_infos)) from None
        except Exception as error:
            self.end()
            raise LoadError(f"its process can't be asked: {error}") from error

    def retire(self) -> None:
        """Let it finish its work, then end."""
        self._over.set()
        try:
            self.client.shutdown_server()
        except DagsterUserCodeUnreachableError:
            self.end()
            return
        threading.Thread(target=self._reap, daemon=True).start()

    def end(self) -> None:
        """End it now."""
        self._over.set()
        self._process.kill()
        self._reap()

    def _tell(self, told: str) -> None:
        if self._process.stdin:
            with suppress(BrokenPipeError), self._process.stdin as stream:  # `load` says why
                stream.write(told)

    def _reap(self) -> None:
        self._process.wait()
        _started.discard(self._process.pid)
        self._folder.cleanup()
        if os.getpid() == 1:  # a pod's first process also inherits the orphans of others
            _reap_orphans()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                self.client.ping("")
                return
            except DagsterUserCodeUnreachableError:
                if self._process.poll() is not None:
                    raise LoadError(f"its process ended by {self._process.returncode}") from None
                if time.monotonic() > deadline:
                    raise
            time.sleep(_LOOK_EVERY_S)


def arguments_of(module: str, location: str, image: str, context: str) -> list[str]:
    """Arguments of `api grpc`; `context` is JSON."""
    found = ["--module-name", module, "--location-name", location]
    return [*found, "--container-image", image, "--container-context", context]


def _why(errors: list[SerializableErrorInfo]) -> str:
    """The root cause, and the innermost stack frame in the location's own code."""
    error = errors[0]
    while error.cause:
        error = error.cause
    places = [line for line in error.stack if os.sep in line and "site-packages" not in line]
    at = f" ({places[-1].splitlines()[0].strip()})" if places else ""
    return one_line(f"{error.message.strip()}{at}", _LONGEST_ERROR)
