"""What a run stores to save the next one work, as sealed artifacts.

Pods share no disk, so it is among the artifacts. It only saves work: one that was cut off, edited
by hand or written by another version is dropped with a line in the log, and made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from stack.artifacts import ArtifactStore
from stack.digests import digest

log = logging.getLogger(__name__)

# Libraries that make proposals and lineage; sqlglotc and sqlglotrs are compiled parts of sqlglot.
_LIBRARIES = ("acryl-datahub", "sqlglot", "sqlglotc", "sqlglotrs")


class Kept(BaseModel):
    """Base of what is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


KeptModel = TypeVar("KeptModel", bound=Kept)


@cache
def versions() -> dict[str, str]:
    """Versions of what the results depend on besides their inputs."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


@cache
def code(*modules: str) -> str:
    """A digest of the source of modules of this package: a version that bumps itself."""
    folder = Path(__file__).parent
    content = (hashlib.sha256((folder / f"{m}.py").read_bytes()).hexdigest() for m in modules)
    return digest(list(content))


def read_kept(store: ArtifactStore, name: str, model: type[KeptModel]) -> KeptModel | None:
    """What an earlier run stored as `name`; None if there is none, or it can't be trusted."""
    content = store.get(name)
    if content is None:
        return None
    try:
        document = json.loads(content)
        if digest(document["content"]) != document["digest"]:
            raise ValueError("its content is not what it was sealed with")
        return model.model_validate(document["content"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        log.warning("%s/latest/%s is not used and will be made anew: %s", store.url, name, reason)
        return None


def keep(store: ArtifactStore, run_id: str, name: str, kept: Kept) -> None:
    """Store it for the next run, unless the last run stored the same."""
    content = kept.model_dump(mode="json")
    document = {"digest": digest(content), "content": content}
    sealed = json.dumps(document, separators=(",", ":")).encode()
    if store.get(name) != sealed:
        store.put(run_id, name, sealed)
