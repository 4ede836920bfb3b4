"""Artifacts: files that one stage leaves for the next and for people.

Laid out as `<ARTIFACTS_URL>/runs/<run id>/<name>` and `<ARTIFACTS_URL>/latest/<name>`; a
reader never sees half a file.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stack.errors import StackError
from stack.storage import filesystem

Model = TypeVar("Model", bound=BaseModel)


class ArtifactError(StackError):
    """An artifact is there but is not what its writer promises."""


class ArtifactStore:
    """Reads and writes artifacts at a fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._fs, self._root = filesystem(self.url)

    def put(self, run_id: str, name: str, content: bytes) -> str:
        """Write `name` for a run and as the latest; return the URL of the run's copy."""
        self._write(f"runs/{run_id}/{name}", content)
        self._write(f"latest/{name}", content)
        return f"{self.url}/runs/{run_id}/{name}"

    def put_json(self, run_id: str, name: str, content: Any) -> str:
        """As `put`, for a value that JSON can hold; dates become ISO text."""
        return self.put(run_id, name, json.dumps(content, indent=2, default=str).encode())

    def get(self, name: str, run_id: str | None = None) -> bytes | None:
        """Content of `name` from a run, or the latest; None if there is none."""
        path = f"{self._root}/{f'runs/{run_id}' if run_id else 'latest'}/{name}"
        try:
            content: bytes = self._fs.cat_file(path)
        except FileNotFoundError:
            return None
        return content

    def get_json(self, name: str, run_id: str | None = None) -> Any:
        """As `get`, parsed; None if there is none."""
        content = self.get(name, run_id)
        return None if content is None else json.loads(content)

    def get_model(self, name: str, model: type[Model], run_id: str | None = None) -> Model | None:
        """As `get`, as the class that it was written with; None if there is none.

        Raises ArtifactError if it is something else: a store never holds half a file, so that is
        a broken writer, or one of another version, and going on without it would hide that.
        """
        content = self.get(name, run_id)
        if content is None:
            return None
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ArtifactError(
                f"{self.url}/{f'runs/{run_id}' if run_id else 'latest'}/{name}",
                found=f"{place}: {first['msg']}" if place else first["msg"],
                expected=f"a {model.__name__}",
                next_step="run the stage that writes it again, or delete the file to go without",
            ) from None

    def names(self, folder: str, run_id: str | None = None) -> list[str]:
        """Names below `folder` that a run left, or the latest ones, sorted."""
        root = f"{self._root}/{f'runs/{run_id}' if run_id else 'latest'}/"
        try:
            found = self._fs.find(f"{root}{folder}")
        except FileNotFoundError:
            return []
        return sorted(str(path).removeprefix(root) for path in found if path.endswith(".json"))

    def written_at(self, name: str) -> datetime | None:
        """When the latest `name` was written; None if there is none."""
        try:
            moment: datetime = self._fs.modified(f"{self._root}/latest/{name}")
        except FileNotFoundError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _write(self, name: str, content: bytes) -> None:
        write_atomically(self._fs, f"{self._root}/{name}", content)


def write_atomically(fs: Any, path: str, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none.

    Object stores do so by themselves; a file system gets a temporary file and a rename.
    """
    folder = path.rsplit("/", 1)[0]
    fs.makedirs(folder, exist_ok=True)
    if "file" not in fs.protocol:
        fs.pipe_file(path, content)
        return
    temporary = f"{folder}/.{uuid.uuid4().hex}.tmp"  # a name that fits where a long one does
    try:
        fs.pipe_file(temporary, content)
        fs.mv(temporary, path)
    finally:
        if fs.exists(temporary):
            fs.rm(temporary)
