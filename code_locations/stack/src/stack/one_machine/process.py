"""A process identified beyond its number, for other processes and later times too."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

PROC = Path("/proc")


class Process(BaseModel):
    """Process numbers are reused, so `started` tells two with the same number apart.

    `machine`, `boot` and `namespace` say where the number means anything.
    """

    model_config = ConfigDict(frozen=True)

    machine: str
    boot: str
    namespace: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Process:
        """The calling process."""
        pid = os.getpid()
        boot = _read(PROC / "sys/kernel/random/boot_id")
        return cls(
            machine=_machine(),
            boot=boot,
            namespace=_namespace(),
            pid=pid,
            started=_start_of(pid) or "",
        )

    def is_gone(self) -> bool:
        """Whether it has certainly ended; False if that can't be known, as on another machine."""
        here = Process.current()
        if self.machine != here.machine:
            return False
        if self.boot != here.boot:
            return True
        return self.namespace == here.namespace and _start_of(self.pid) != self.started


@cache
def _machine() -> str:
    number = _read(Path("/etc/machine-id")) or f"{uuid.getnode():x}"
    return f"{socket.gethostname()}/{number}"


def _namespace() -> str:
    """The container, whose processes have their own numbering."""
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """When a living process began, as the system writes it; None if there is none."""
    if not PROC.is_dir():
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout or None
    # The name, in brackets, may contain anything; after it come the state and 18 other fields.
    fields = _read(PROC / str(pid) / "stat").rpartition(")")[2].split()
    return fields[19] if fields and fields[0] not in "ZX" else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
