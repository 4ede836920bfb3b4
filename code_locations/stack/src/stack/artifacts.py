"""Artifacts: files that one stage leaves for later stages and for people.

They are at `<ARTIFACTS_URL>/runs/<run id>/<name>` and `<ARTIFACTS_URL>/latest/<name>`; a reader
never sees half a file. Reader and writer may run different images: `Artifact` says what that
demands of both.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from stack.errors import StackError
from stack.files import write_file
from stack.storage import filesystem

_OTHER_FORMAT = "artifact_format"


class ArtifactError(StackError):
    """An artifact exists but isn't what its writer promises."""


class FormatError(ArtifactError):
    """An artifact has a format that this image can't read."""


class Artifact(BaseModel):
    """Base of what one image writes and another, older or newer, reads.

    A field may be added if it has a default: older readers ignore it. Anything that older readers
    would get wrong (a field that goes or changes its meaning, a new member of an enumeration) needs
    a new `format`: the class raises that field's default. A newer format is refused, and so is one
    before `oldest`; everything in between is read, by a validator if need be.
    """

    model_config = ConfigDict(frozen=True)
    oldest: ClassVar[int] = 1

    format: int = 1

    @field_validator("format")
    @classmethod
    def _is_read(cls, found: int) -> int:
        newest = cls.model_fields["format"].default
        if not cls.oldest <= found <= newest:
            known = str(newest) if cls.oldest == newest else f"{cls.oldest} to {newest}"
            raise PydanticCustomError(
                _OTHER_FORMAT, "format {found}", {"found": found, "known": known}
            )
        return found


A = TypeVar("A", bound=Artifact)


def parsed(content: bytes, model: type[A], where: str) -> A:
    """Parse an artifact; fields that only a newer writer knows are ignored.

    Raises FormatError, or ArtifactError if it is anything else: as a store never holds half a file,
    its writer must be broken, and going on would hide that.
    """
    try:
        return model.model_validate_json(content, extra="ignore")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    for other in (one for one in found if one["type"] == _OTHER_FORMAT):
        raise FormatError(
            where,
            found=other["msg"],
            expected=f"{_a(model)} of format {other['ctx']['known']}",
            next_step="it is of another version: promote the location that wrote it and this one "
            "together, or run the stage that writes it again",
        )
    first = found[0]
    place = ".".join(map(str, first["loc"]))
    raise ArtifactError(
        where,
        found=f"{place}: {first['msg']}" if place else first["msg"],
        expected=_a(model),
        next_step="run the stage that writes it again, or delete the file to go without",
    )


def _a(model: type[Artifact]) -> str:
    name = model.__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


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
        """As `put`, for JSON values; dates become ISO text."""
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

    def put_model(self, run_id: str, name: str, content: Artifact) -> str:
        """As `put`, for an `Artifact`."""
        return self.put(run_id, name, content.model_dump_json(indent=2, by_alias=True).encode())

    def get_model(self, name: str, model: type[A], run_id: str | None = None) -> A | None:
        """As `get`, parsed by `parsed`; None if there is none. Raises ArtifactError."""
        content = self.get(name, run_id)
        where = f"{f'runs/{run_id}' if run_id else 'latest'}/{name}"
        return None if content is None else parsed(content, model, where)

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
    """Write a file so that readers see all of it or none.

    Object stores do so anyway.
    """
    if "file" in fs.protocol:
        write_file(Path(path), content)
        return
    fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    fs.pipe_file(path, content)
