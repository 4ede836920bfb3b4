"""Programs that the tests in this folder run; a missing one fails the test."""

from __future__ import annotations

import os
import shutil
import subprocess


def program(name: str) -> str:
    """The path of a program: `<NAME>_BIN`, or on PATH. Raises FileNotFoundError."""
    variable = f"{name.upper()}_BIN"
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        raise FileNotFoundError(
            f"no {name}: the chart's tests need it on PATH, or its path in {variable}"
        )
    return found


def output(name: str, *arguments: str) -> str:
    """What a program prints. Raises CalledProcessError if it fails."""
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, check=True)
    return done.stdout
