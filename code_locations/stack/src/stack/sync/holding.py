"""Which state a code server has loaded: it switches to another, or keeps its own and says why."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster._grpc.client import DagsterGrpcClient

from stack.errors import reason
from stack.sync.files import pack
from stack.sync.pod import INSTALLED, context_of, variables
from stack.sync.process import LoadedCode, LoadError, arguments_of, standby
from stack.sync.states import States
from stack.sync.store import Current, StateStore

logger = logging.getLogger(__name__)

# By then the webserver has reloaded the location, which a standby's imports would slow down.
STANDBY_AFTER_S = 2.0


@dataclass(frozen=True)
class Place:
    """A location, the module of its definitions, its image, and Dagster's container context."""

    location: str
    module: str
    image: str
    context: dict[str, Any]
    installed: Path = INSTALLED


@dataclass(frozen=True)
class Answer:
    """The outcome for a state: `error` is why the previous one stays."""

    digest: str
    took_s: float
    is_new: bool = False
    error: str | None = None


class Holding:
    """The state of one code server; None: the image's own code. One change at a time."""

    def __init__(self, place: Place, states: States, store: StateStore) -> None:
        self.place = place
        self.told = 0  # changes whenever there is something new to show
        self._states, self._store = states, store
        self._state: Path | None = None
        self._refused = ""
        self._code: LoadedCode | None = None
        self._standby: subprocess.Popen[str] | None = None
        self._over = False
        self._lock = threading.Lock()

    @property
    def client(self) -> DagsterGrpcClient | None:
        """The client of the process that has loaded the state."""
        return self._code.client if self._code else None

    @property
    def shown(self) -> dict[str, str]:
        """What people see at the location."""
        shown = {"synced code": self._state.name} if self._state else {}
        return shown | ({"code not taken": self._refused} if self._refused else {})

    def begin(self) -> None:
        """Load the state last published for this image, or else the image's own code."""
        with self._lock, self._standing_by():
            try:
                self._state = self._published()
            except Exception as error:  # such as a store that is away, which must not stop us
                logger.warning("what was synced can't be had: %s", reason(error))
            code = self._start(self._state)
            try:
                code.load()
            except LoadError as error:
                # As without sync: the server stays up, and the UI shows the error.
                logger.error("%s: %s", self.place.location, error)
                code = self._start(self._state)
            self._code = code

    def take(self, digest: str, packed: bytes) -> Answer:
        """Load a state, publish it, and switch to it; if that fails, the previous one stays."""
        begun = time.monotonic()
        with self._lock, self._standing_by():
            if self._state and self._state.name == digest:
                if self._refused:
                    self._tell("")
                return Answer(digest, time.monotonic() - begun)
            try:
                self._change_to(self._states.keep(digest, packed, self._project()), publish=True)
            except Exception as error:  # whatever it is, the previous one stays
                logger.warning("code %s is not taken: %s", digest, reason(error))
                self._tell(f"{digest}: {reason(error)}")
                return Answer(digest, time.monotonic() - begun, error=reason(error))
            self._tell("")
            self._states.prune()
        return Answer(digest, time.monotonic() - begun, is_new=True)

    def reload(self) -> None:
        """Load the same state again; if that fails, the current process stays."""
        with self._lock, self._standing_by():
            try:
                self._change_to(self._state, publish=False)
            except LoadError as error:
                logger.warning("the code is not loaded again: %s", error)
                self._tell(str(error))

    def end(self) -> None:
        """End the process and the standby."""
        self._over = True
        if self._code:
            self._code.end()
        if self._standby:
            self._standby.kill()
            self._standby.wait()

    def _change_to(self, state: Path | None, *, publish: bool) -> None:
        code = self._start(state)
        code.load()
        if state and publish:
            try:
                files = {
                    f.relative_to(state).as_posix(): f for f in state.rglob("*") if f.is_file()
                }
                packed = pack({path: file.read_bytes() for path, file in files.items()})
                self._store.put(Current(state.name, self.place.image), packed)
            except Exception:
                code.end()
                raise
        former, self._code, self._state = self._code, code, state
        if former:
            former.retire()

    def _tell(self, refused: str) -> None:
        self._refused = refused
        self.told += 1

    def _published(self) -> Path | None:
        current = self._store.current()
        if current is None or current.image != self.place.image:
            return None
        return self._states.restore(current.digest, self._store.get(current.digest))

    def _project(self) -> Path:
        """Folder with the parsed dbt project, from which the next state starts."""
        return self._state or self.place.installed / self.place.location

    def _start(self, state: Path | None) -> LoadedCode:
        place, environment, context = self.place, dict(os.environ), self.place.context
        if state:
            moved = variables(state, place.location, environment, place.installed)
            context = context_of(context, place.image, place.location, state, moved)
            environment |= moved
        told = json.dumps(context)
        arguments = arguments_of(place.module, place.location, place.image, told)
        process, self._standby = self._standby, None
        if process is None or process.poll() is not None:
            process = standby()
        return LoadedCode(arguments, environment, process)

    @contextmanager
    def _standing_by(self) -> Iterator[None]:
        """Start a standby for the next state some time after this."""
        try:
            yield
        finally:
            later = threading.Timer(STANDBY_AFTER_S, self._stand_by)
            later.daemon = True
            later.start()

    def _stand_by(self) -> None:
        with self._lock:
            if self._standby is None and not self._over:
                self._standby = standby()
