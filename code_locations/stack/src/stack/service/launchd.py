"""The service as launchd's agents: `man launchd.plist`."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.service.parts import NAME, Part, ServiceError
from stack.service.supervisor import State, ask, no_supervisor
from stack.service.systemd import environment

# launchd restarts what ended, but not within this time of its last start.
THROTTLE_S = 10


class Launchd:
    """launchd, for the user who is logged in."""

    def __init__(self) -> None:
        self._domain = f"gui/{os.getuid()}"

    def files(self, wanted: Sequence[Part], root: Path) -> Mapping[Path, str]:
        """One property list per part."""
        return {_file(part): agent(part, root) for part in wanted}

    def require(self) -> None:
        """Raises ServiceError where there is no launchd."""
        if shutil.which("launchctl") is None:
            raise no_supervisor("no launchctl")

    def start(self, wanted: Sequence[Part], changed: bool) -> None:
        """Load the parts that aren't loaded, and all if their files `changed`."""
        for part in wanted:
            if changed or not self._prints(part):
                self._unload(part)
                ask(["launchctl", "bootstrap", self._domain, str(_file(part))])

    def restart(self, wanted: Sequence[Part]) -> None:
        """Stop all, and start them again."""
        for part in wanted:
            ask(["launchctl", "kickstart", "-k", f"{self._domain}/{_label(part)}"])

    def stop(self, wanted: Sequence[Part]) -> None:
        """Unload all."""
        for part in wanted:
            self._unload(part)

    def forget(self) -> None:
        """Nothing to do: launchd keeps no record of them."""

    def states(self, wanted: Sequence[Part]) -> list[State]:
        """As `launchctl print` reports them."""
        return [_state(part, self._prints(part)) for part in wanted]

    def log_command(self, wanted: Sequence[Part], lines: int, follow: bool) -> list[str]:
        """A command that reads the log files."""
        files = [str(log_file(part)) for part in wanted]
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), *files]

    def advice(self) -> str:
        """An agent lives only as long as a login."""
        return (
            "it runs while you are logged in: let the Mac log you in after a reboot (System "
            "Settings, Users & Groups)"
        )

    def _prints(self, part: Part) -> str:
        try:
            return ask(["launchctl", "print", f"{self._domain}/{_label(part)}"])
        except ServiceError:
            return ""

    def _unload(self, part: Part) -> None:
        if self._prints(part):
            ask(["launchctl", "bootout", f"{self._domain}/{_label(part)}"])


def agent(part: Part, root: Path) -> str:
    """The text of a part's property list."""
    return plistlib.dumps(
        {
            "Label": _label(part),
            # launchd never truncates a log, so the part rotates its own.
            "ProgramArguments": [*part.command, "--log", str(log_file(part))],
            "WorkingDirectory": str(root),
            "EnvironmentVariables": environment() | {"PATH": os.environ.get("PATH", "")},
            "RunAtLoad": True,
            "KeepAlive": True,
            "ThrottleInterval": THROTTLE_S,
            "ExitTimeOut": 90,
            "ProcessType": "Background",
        },
        sort_keys=False,
    ).decode()


def log_file(part: Part) -> Path:
    """Where a part logs."""
    return Path.home() / "Library" / "Logs" / NAME / f"{part.name}.log"


def _state(part: Part, told: str) -> State:
    """Parse what `launchctl print` says; nothing means that it isn't loaded."""
    found = dict(re.findall(r"^\t(state|pid|runs) = (.+)$", told, re.MULTILINE))
    runs, process = found.get("runs"), found.get("pid")
    return State(
        part,
        running=found.get("state") == "running",
        told=found.get("state", "not loaded"),
        restarts=max(0, int(runs) - 1) if runs else None,
        process=int(process) if process else None,
    )


def _label(part: Part) -> str:
    return part.unit


def _file(part: Part) -> Path:
    return Path.home() / "Library" / "LaunchAgents" / f"{_label(part)}.plist"
