"""Runs the external programs of the supply chain's commands and of promotion."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from scripts.chart_values_page import ROOT
from stack.errors import StackError

WHERE = {
    "git": "https://git-scm.com",
    "helm": "scripts/tools.sh helm",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
    "oras": "scripts/tools.sh oras",
    "osv-scanner": "scripts/tools.sh osv-scanner",
    "syft": "scripts/tools.sh syft",
}


class ProgramError(StackError):
    """A program is missing, or failed."""


def path_of(name: str) -> str:
    """The path of a program: `<NAME>_BIN`, on PATH, or in `.tools/go`. Raises ProgramError."""
    variable = f"{name.upper().replace('-', '_')}_BIN"
    found = os.environ.get(variable) or shutil.which(name)
    found = found or shutil.which(name, path=str(ROOT / ".tools" / "go"))
    if not found:
        raise ProgramError(
            f"no {name}", next_step=f"install it ({WHERE[name]}), or name it in {variable}"
        )
    return found


def output_of(
    name: str,
    *arguments: str,
    fine: Collection[int] = (0,),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    told_lines: int = 1,
) -> str:
    """What a program prints; raises ProgramError if its exit code isn't one of `fine`.

    The error includes the last `told_lines` of the program's output.
    """
    done = subprocess.run(
        [path_of(name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode not in fine:
        said = (done.stderr or done.stdout or "no word").strip().splitlines()
        raise ProgramError(f"{name} {arguments[0]} failed: {' '.join(said[-told_lines:])}")
    return done.stdout


def plain_http() -> bool:
    """Whether registries are accessed without TLS, which REGISTRY_PLAIN_HTTP=1 sets."""
    return os.environ.get("REGISTRY_PLAIN_HTTP") == "1"
