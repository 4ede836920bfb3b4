"""The service as systemd's user units: https://www.freedesktop.org/software/systemd/man/."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from getpass import getuser
from pathlib import Path

from stack.service.parts import CODE, NAME, Part, ServiceError
from stack.service.supervisor import State, ask, no_supervisor

TARGET = f"{NAME}.target"
# A part that ends is restarted, first after a second, then less and less often, and never given up.
# RestartSteps needs systemd 254; older ones warn about it and wait a second each time.
UNIT = """\
# Made by `stack service install`.
[Unit]
Description=Freelancer Data Stack: {told}
PartOf={target}
{after}StartLimitIntervalSec=0

[Service]
ExecStart={command}
WorkingDirectory={folder}
{environment}Restart=always
RestartSec=1
RestartSteps=8
RestartMaxDelaySec=120
TimeoutStopSec=90
SuccessExitStatus=SIGTERM SIGINT
NoNewPrivileges=yes
# A run that takes too much memory ends alone.
OOMPolicy=continue
SyslogIdentifier={identifier}
"""
TARGET_UNIT = """\
# Made by `stack service install`.
[Unit]
Description=Freelancer Data Stack
Wants={units}

[Install]
WantedBy=default.target
"""
PROPERTIES = ("ActiveState", "SubState", "NRestarts", "MainPID", "ActiveEnterTimestamp")


class Systemd:
    """This user's systemd manager."""

    def __init__(self) -> None:
        self._env = dict(os.environ)
        # After `su`, the environment lacks the path to systemd.
        place = Path(f"/run/user/{os.getuid()}")
        if "XDG_RUNTIME_DIR" not in self._env and place.is_dir():
            self._env["XDG_RUNTIME_DIR"] = str(place)

    def files(self, wanted: Sequence[Part], root: Path) -> Mapping[Path, str]:
        """One unit per part, and a target that groups them."""
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        units = folder / "systemd" / "user"
        return {units / f"{part.unit}.service": unit(part, root) for part in wanted} | {
            units / TARGET: TARGET_UNIT.format(units=" ".join(_services(wanted)))
        }

    def require(self) -> None:
        """Raise ServiceError if this user's systemd manager doesn't answer."""
        if shutil.which("systemctl") is None:
            raise no_supervisor("no systemctl")
        try:
            self._systemctl("show-environment")
        except ServiceError as error:
            raise no_supervisor(error.found) from None

    def start(self, wanted: Sequence[Part], changed: bool) -> None:
        """Enable and start the target."""
        self._systemctl("daemon-reload")
        self._systemctl("enable", TARGET)
        if changed:
            self._systemctl("restart", *_services(wanted))
        self._systemctl("start", TARGET)

    def restart(self, wanted: Sequence[Part]) -> None:
        """Stop all, and start them again."""
        self._systemctl("restart", *_services(wanted))

    def stop(self, wanted: Sequence[Part]) -> None:
        """Stop all, and disable the target."""
        self._systemctl("disable", TARGET)
        self._systemctl("stop", TARGET, *_services(wanted))

    def forget(self) -> None:
        """Make systemd forget units whose files are gone."""
        self._systemctl("daemon-reload")

    def states(self, wanted: Sequence[Part]) -> list[State]:
        """As `systemctl show` reports them."""
        return [self._state(part) for part in wanted]

    def log_command(self, wanted: Sequence[Part], lines: int, follow: bool) -> list[str]:
        """A command that reads the journal."""
        units = [f"--user-unit={name}" for name in _services(wanted)]
        return ["journalctl", *units, f"--lines={lines}", *(["--follow"] if follow else [])]

    def advice(self) -> str:
        """Let the user's units outlive logouts, or say who may allow it."""
        user = getuser()
        if shutil.which("loginctl") is None:
            return "no loginctl: whether the service outlives a logout can't be told"
        try:
            if "yes" in self._lingers(user):
                return ""
            ask(["loginctl", "enable-linger"], self._env)
            if "yes" in self._lingers(user):
                return ""
        except ServiceError:
            pass
        return (
            f"it ends with your last login until this was run: sudo loginctl enable-linger {user}"
        )

    def _lingers(self, user: str) -> str:
        return ask(["loginctl", "show-user", user, "--property=Linger"], self._env)

    def _state(self, part: Part) -> State:
        told = self._systemctl("show", f"{part.unit}.service", f"--property={','.join(PROPERTIES)}")
        found = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
        return State(
            part,
            running=found.get("ActiveState") == "active",
            told=f"{found.get('ActiveState')} ({found.get('SubState')})",
            since=found.get("ActiveEnterTimestamp", ""),
            restarts=int(found.get("NRestarts") or 0),
            process=int(found.get("MainPID") or 0) or None,
        )

    def _systemctl(self, *arguments: str) -> str:
        return ask(["systemctl", "--user", *arguments], self._env)


def unit(part: Part, root: Path) -> str:
    """The text of a part's unit."""
    after = f"After={NAME}-{CODE}.service\n" if part.needs_code else ""
    return UNIT.format(
        told=part.told,
        target=TARGET,
        after=after,
        command=_command(part.command),
        folder=str(root).replace("%", "%%"),
        environment="".join(
            f"Environment={_quoted(f'{name}={value}')}\n" for name, value in environment().items()
        ),
        identifier=part.unit,
    )


def environment() -> dict[str, str]:
    """Variables that `.env` can't hold: unbuffered output, and where the stack is."""
    found = {"PYTHONUNBUFFERED": "1"}
    if home := os.environ.get("STACK_HOME"):
        found["STACK_HOME"] = str(Path(home).resolve())
    return found


def _services(wanted: Iterable[Part]) -> list[str]:
    return [f"{part.unit}.service" for part in wanted]


def _command(command: Sequence[str]) -> str:
    program, *arguments = map(_quoted, command)
    # systemd replaces variables only in arguments.
    return " ".join([program, *(argument.replace("$", "$$") for argument in arguments)])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'
