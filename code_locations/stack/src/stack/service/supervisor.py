"""What systemd and launchd have in common for the service, and which one this machine has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stack.service.parts import Part, ServiceError, parts


@dataclass(frozen=True)
class State:
    """A part's state in the supervisor's words, since when, and how often it was restarted."""

    part: Part
    running: bool
    told: str
    since: str = ""
    restarts: int | None = None
    process: int | None = None


class Supervisor(Protocol):
    """Starts the parts at boot, and again when they end."""

    def files(self, wanted: Sequence[Part], root: Path) -> Mapping[Path, str]:
        """The files that it reads, content by path. Writes nothing."""

    def require(self) -> None:
        """Raise ServiceError if this user can't use it."""

    def start(self, wanted: Sequence[Part], changed: bool) -> None:
        """Read the files again and start all parts, now and at boot.

        Parts that already run go on, unless their files `changed`.
        """

    def restart(self, wanted: Sequence[Part]) -> None:
        """Stop all, and start them again."""

    def stop(self, wanted: Sequence[Part]) -> None:
        """Stop all for good; their files stay."""

    def forget(self) -> None:
        """Take note that the files are gone."""

    def states(self, wanted: Sequence[Part]) -> list[State]:
        """The state of each part."""

    def log_command(self, wanted: Sequence[Part], lines: int, follow: bool) -> list[str]:
        """A command that prints the parts' logs."""

    def advice(self) -> str:
        """What the user still has to do for it to outlive a logout; empty if nothing."""


def supervisor() -> Supervisor:
    """The supervisor of this system."""
    if sys.platform == "darwin":
        from stack.service.launchd import Launchd

        return Launchd()
    from stack.service.systemd import Systemd

    return Systemd()


def ask(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Output of one of the supervisor's programs. Raises ServiceError with its message."""
    try:
        done = subprocess.run(
            [*command], capture_output=True, text=True, check=False, env=env, timeout=180
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise no_supervisor(str(error)) from None
    if done.returncode:
        raise ServiceError(" ".join(command), found=(done.stderr or done.stdout).strip())
    return done.stdout


def no_supervisor(said: str) -> ServiceError:
    """The error where nothing can start the parts."""
    commands = "; ".join(" ".join(part.command) for part in parts())
    return ServiceError(
        "stack service",
        found=f"no systemd or launchd that runs services of this user ({said})",
        next_step="log in as that user itself (by ssh, not by su or sudo), or have what your "
        f"machine starts services with run these, each for itself: {commands}",
    )
