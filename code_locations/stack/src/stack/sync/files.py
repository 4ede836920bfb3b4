"""The state of a location's files: which they are, their digest, and how they are packed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from stack.errors import StackError

# Packages that every location loads besides its own.
SHARED = ("stack", "pods")
SOURCES = "src"
DIGEST_LENGTH = 12
# Folders that tools create, in `dbt` and similar folders and elsewhere.
_MADE_BESIDE = frozenset({"target", "logs", "dbt_packages", "uncommitted"})
_MADE_HERE = frozenset({"__pycache__"})


class StateError(StackError):
    """The files that arrived aren't the ones that were sent."""


def files_of(checkout: Path, location: str) -> dict[str, bytes]:
    """Content of a location's files, by their path in a state.

    Packages are below `src`; other folders of the location, such as `dbt`, are beside it. Raises
    StackError if there is no such location.
    """
    own = checkout / "code_locations" / location
    if not (own / SOURCES).is_dir():
        raise StackError(f"{own}", found="no code location", next_step="name another one")
    folders = {
        f"{SOURCES}/{name}": checkout / "code_locations" / name / SOURCES / name
        for name in (*SHARED, location)
    }
    folders |= {
        folder.name: folder
        for folder in own.iterdir()
        if folder.is_dir() and folder.name != SOURCES
    }
    return {
        f"{name}/{path}": content
        for name, folder in sorted(folders.items())
        for path, content in _below(folder)
        if name.startswith(f"{SOURCES}/") or path.partition("/")[0] not in _MADE_BESIDE
    }


def _below(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if _MADE_HERE.intersection(path.parts) or any(p.startswith(".") for p in path.parts):
            continue
        try:
            yield path.as_posix(), file.read_bytes()
        except (FileNotFoundError, IsADirectoryError):  # an editor's temporary file; a folder
            continue


def digest_of(files: Mapping[str, bytes]) -> str:
    """Digest of paths and content."""
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{hashlib.sha256(content).hexdigest()}\0".encode())
    return digest.hexdigest()[:DIGEST_LENGTH]


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files as a compressed archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def unpack(packed: bytes) -> dict[str, bytes]:
    """The files in an archive. Raises StateError if it is truncated or has unsafe paths."""
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None or not _is_inside(entry.name):
                    raise StateError(f"{entry.name}: expected a file below the state's folder")
                files[entry.name] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StateError("the files arrived in part", found=str(error), next_step=AGAIN) from None
    return files


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


AGAIN = "sync again"
