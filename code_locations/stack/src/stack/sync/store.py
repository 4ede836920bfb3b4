"""States at `ARTIFACTS_URL/code/<location>`, from which pods of runs fetch them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from stack.artifacts import write_atomically
from stack.errors import StackError
from stack.storage import filesystem

# Queued runs need the state that they were launched from.
KEPT = 50


@dataclass(frozen=True)
class Current:
    """A location's current state, and the image that it was synced to."""

    digest: str
    image: str


class StateStore:
    """States of one location."""

    def __init__(self, artifacts: str, location: str) -> None:
        self._fs, self._root = filesystem(f"{artifacts}/code/{location}")

    def put(self, current: Current, packed: bytes) -> None:
        """Publish a state, and make it the current one."""
        write_atomically(self._fs, f"{self._root}/{current.digest}.tar.gz", packed)
        content = json.dumps({"digest": current.digest, "image": current.image}).encode()
        write_atomically(self._fs, f"{self._root}/current.json", content)
        self._prune()

    def get(self, digest: str) -> bytes:
        """A state. Raises StackError if it is gone."""
        path = f"{self._root}/{digest}.tar.gz"
        try:
            packed: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            raise StackError(
                f"the code {digest} that the run was launched from is gone from {path}",
                next_step="launch it again",
            ) from None
        return packed

    def current(self) -> Current | None:
        """The state that was published last."""
        try:
            return Current(**json.loads(self._fs.cat_file(f"{self._root}/current.json")))
        except FileNotFoundError:
            return None

    def _prune(self) -> None:
        found = [e for e in self._fs.ls(self._root, detail=True) if e["name"].endswith(".tar.gz")]
        # Local files and buckets name the time of writing differently.
        found.sort(key=lambda entry: str(entry.get("LastModified") or entry.get("mtime")))
        for entry in found[:-KEPT]:
            self._fs.rm(entry["name"])
