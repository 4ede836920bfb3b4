"""A `systemctl` and `loginctl` that record their calls: a container has no systemd."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SCRIPT = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
case "$*" in
    *show-environment*) [ ! -e {away} ] || {{ echo "Failed to connect to bus" >&2; exit 1; }} ;;
    *show-user*) echo "Linger=$([ -e {lingers} ] && echo yes || echo no)" ;;
    enable-linger*) [ ! -e {forbidden} ] || exit 1; touch {lingers} ;;
    *show*) printf 'ActiveState=%s\\nSubState=running\\nNRestarts=2\\nMainPID=42\\n' \\
        "$(cat {state} 2>/dev/null || echo active)" ;;
esac
"""


class Systemctl:
    """The two programs, first on PATH while a test patches its environment with `path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        names = ("log", "away", "lingers", "forbidden", "state")
        self.files = {name: folder / f"{name}.txt" for name in names}
        for program in ("systemctl", "loginctl"):
            file = folder / program
            file.write_text(SCRIPT.format(**self.files))
            file.chmod(0o755)

    @property
    def path(self) -> str:
        """PATH with them."""
        return os.pathsep.join(
            [str(self._folder), str(Path(sys.executable).parent), "/usr/bin:/bin"]
        )

    def asked(self) -> list[str]:
        """What it was asked since the last time, without looks."""
        log = self.files["log"]
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return [line for line in lines if " show" not in line]
