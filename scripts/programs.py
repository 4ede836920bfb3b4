"""Programs of others that the supply-chain commands run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping

from scripts.chart_values_page import ROOT
from stack.errors import StackError

WHERE = {
    "helm": "https://helm.sh",
    "oras": "go install oras.land/oras/cmd/oras@v1.3.6",
    "osv-scanner": "go install github.com/google/osv-scanner/v2/cmd/osv-scanner@v2.5.0",
    "syft": "go install github.com/anchore/syft/cmd/syft@v1.57.1",
}


class ProgramError(StackError):
    """A program is missing, or refused."""


def path_of(name: str) -> str:
    """Path of a program: `<NAME>_BIN`, what PATH has, or `.tools/go`. Raises ProgramError."""
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
) -> str:
    """What a program prints; raises ProgramError for another code than the fine ones."""
    done = subprocess.run(
        [path_of(name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode not in fine:
        said = (done.stderr or done.stdout or "no word").strip().splitlines()
        raise ProgramError(f"{name} {arguments[0]} failed: {said[-1]}")
    return done.stdout


def plain_http() -> bool:
    """Whether registries are spoken to without TLS, as REGISTRY_PLAIN_HTTP=1 says."""
    return os.environ.get("REGISTRY_PLAIN_HTTP") == "1"
