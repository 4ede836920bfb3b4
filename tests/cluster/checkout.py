"""A copy of the checkout to edit, and `stack sync` in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster.kube import Namespace
from support.stack_process import ROOT

_MADE_HERE = shutil.ignore_patterns("__pycache__", "target", "uncommitted", "*.egg-info")


@dataclass(frozen=True)
class Checkout:
    """The code at `root` is synced to the code servers of a namespace."""

    root: Path
    namespace: Namespace

    @classmethod
    def copy(cls, root: Path, namespace: Namespace) -> Checkout:
        """Copy the code locations to `root`."""
        shutil.copytree(ROOT / "code_locations", root / "code_locations", ignore=_MADE_HERE)
        shutil.copy(ROOT / "workspace.yaml", root)
        return cls(root, namespace)

    def package(self, name: str) -> Path:
        """The folder of a package."""
        return self.root / "code_locations" / name / "src" / name

    def sync(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `stack sync`."""
        packages = map(str, (self.root / "code_locations").glob("*/src"))
        command = ["-m", "stack.commands", "sync", "--namespace", self.namespace.name, *arguments]
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.root, capture_output=True, text=True, check=False, timeout=300,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(packages)},
        )  # fmt: skip
