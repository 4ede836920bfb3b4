"""The processes of the service, as on a cluster: code, UI, daemon, and the observer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from stack.errors import StackError
from stack.paths import checkout_root

NAME = "freelancer-data-stack"
PORT = 3000
CODE, WEBSERVER, DAEMON, OBSERVER = "code", "webserver", "daemon", "observer"


class ServiceError(StackError):
    """The service can't be installed or queried."""


@dataclass(frozen=True)
class Part:
    """A process. If it `needs_code`, it starts after the code server."""

    name: str
    told: str
    command: tuple[str, ...]
    needs_code: bool = False

    @property
    def unit(self) -> str:
        """Its name among all services of the machine."""
        return f"{NAME}-{self.name}"


def parts(port: int = PORT) -> tuple[Part, ...]:
    """All processes, in the order they start; `port` is the UI's."""
    found = [
        _part(CODE, "its code, and the runs"),
        _part(WEBSERVER, "Dagster's UI", "--port", str(port), needs_code=True),
        _part(DAEMON, "schedules, sensors, the queue", needs_code=True),
    ]
    if _can_observe():
        found.append(_part(OBSERVER, "metrics and messages"))
    return tuple(found)


def _can_observe() -> bool:
    return find_spec("observability") is not None and (
        find_spec("observability.process") is not None
    )


def _part(name: str, told: str, *options: str, needs_code: bool = False) -> Part:
    return Part(name, told, (str(program()), "service", "run", name, *options), needs_code)


def program() -> Path:
    """The command `stack` of this environment."""
    return Path(sys.executable).with_name("stack")


def checkout() -> Path:
    """The checkout that the service runs. Raises ServiceError."""
    root = checkout_root()
    if root is None:
        raise ServiceError("stack service", found="no checkout", next_step="run it in a clone")
    return root


def names(wanted: Sequence[Part]) -> str:
    """The parts' names, for messages."""
    return ", ".join(part.name for part in wanted)
