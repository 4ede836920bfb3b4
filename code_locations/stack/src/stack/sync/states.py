"""States of a location's files that a pod keeps, each in a folder named by its digest."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from stack.settings import StackSettings
from stack.sync.files import AGAIN, StateError, digest_of, unpack

# Previous ones, whose processes may end a little later.
KEPT = 3
# What dbt made of a project, which saves the next state most of the parsing.
_PARSED = tuple(
    f"dbt/target/{name}"
    for name in ("manifest.json", "partial_parse.msgpack", "code_versions.json", "fingerprint")
)


class States:
    """Their folder; the same path in code servers and runs, as dbt's parsed files contain it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, digest: str) -> Path:
        """The folder of a state."""
        return self._root / digest

    def keep(self, digest: str, packed: bytes, before: Path | None = None) -> Path:
        """Unpack a state beside the others, all or nothing; return its folder.

        `before` is a folder with a parsed dbt project. Raises StateError if the content doesn't
        match the digest.
        """
        files = unpack(packed)
        if (found := digest_of(files)) != digest:
            told = {"found": f"files of {found}", "expected": digest}
            raise StateError("the files differ from what was sent", **told, next_step=AGAIN)
        return self._write(digest, files, before)

    def restore(self, digest: str, packed: bytes) -> Path:
        """Unpack a state that was packed together with its parsed project."""
        return self._write(digest, unpack(packed), None)

    def _write(self, digest: str, files: Mapping[str, bytes], before: Path | None) -> Path:
        folder = self.folder(digest)
        if folder.is_dir():
            os.utime(folder)  # a state that is used again counts as the newest
            return folder
        beside = self._root / f".{digest}.{uuid.uuid4().hex}"
        try:
            for path, content in files.items():
                file = beside / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            for path in _PARSED if before and (beside / "dbt").is_dir() else ():
                if before and (before / path).is_file():
                    (beside / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(before / path, beside / path)
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return folder

    def prune(self) -> None:
        """Delete all but the newest."""
        folders = [f for f in self._root.iterdir() if not f.name.startswith(".")]
        for folder in sorted(folders, key=os.path.getmtime)[: -KEPT - 1]:
            shutil.rmtree(folder, ignore_errors=True)


def states_of(settings: StackSettings) -> States:
    """The states below STACK_HOME."""
    return States(settings.stack_home / "code")
