"""Follows a how-to page literally, in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from support.stack_process import COMMAND, ROOT, clean_environment

# ```python path/of/file   a new file;   ```diff   a change;   ```bash   commands
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass
class Copy:
    """A copy of the checkout's files, with its own STACK_HOME."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> Copy:
        """Copy what git would commit: tracked files, and new ones that it doesn't ignore."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        return cls(root)

    def follow(self, page: str, but: Collection[str] = ()) -> str:
        """Do what the page shows, in order; return what its commands print.

        Commands that start like one of `but` are skipped.
        """
        printed = ""
        for language, file, text in _BLOCK.findall((ROOT / "docs/how-to" / page).read_text()):
            if language == "diff":
                self._apply(text)
            elif language == "bash":
                lines = (line for line in text.splitlines() if not line.startswith(tuple(but)))
                printed += "".join(self.command(line) for line in lines)
            elif file:
                target = self.root / file
                assert not target.exists(), f"{page}: {file} is there already"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        return printed

    def python(self, code: str) -> str:
        """What this code prints when run in the copy."""
        return self._run([sys.executable, "-W", "ignore", "-c", code])

    def _apply(self, diff: str) -> None:
        command = ["git", "apply", "--recount", "--unsafe-paths", "-"]
        environment = clean_environment(GIT_CEILING_DIRECTORIES=str(self.root.parent))
        done = subprocess.run(
            command, cwd=self.root, input=diff, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{diff}\n{done.stderr}"

    def command(self, line: str) -> str:
        """What a page's command prints when run in the copy."""
        program, *arguments = line.split()
        assert program in ("python", "stack"), line
        own = [COMMAND] if program == "stack" else []
        return self._run([sys.executable, "-W", "ignore", *own, *arguments])

    def _run(self, command: list[str]) -> str:
        done = self.run(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end in the copy, with the copy's packages."""
        sources = self.root.glob("code_locations/*/src")
        paths = [self.root, self.root / "tests", *sources]
        environment = clean_environment(
            PYTHONPATH=":".join(map(str, paths)),
            STACK_HOME=str(self.root / ".stack"),
            AIRBYTE_CONNECTORS_DIR=str(ROOT / ".connectors"),
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **variables,
        )
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=1200,
            check=False,
        )  # fmt: skip
