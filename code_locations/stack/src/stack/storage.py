"""Files at a fsspec URL: a local path, `s3://…`, or whatever else fsspec has a driver for."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from stack.patience import is_patient
from stack.settings import WarehouseSettings, load_settings

# Seconds, and the client's own tries, within those of PatientS3FileSystem.
PATIENT_S3 = {"connect_timeout": 5, "read_timeout": 15, "retries": {"max_attempts": 1}}
# For callers that only check whether the store is there.
CURT_S3 = {"connect_timeout": 3, "read_timeout": 3, "retries": {"max_attempts": 0}}


@dataclass(frozen=True)
class S3Access:
    """An S3 store and a login; None: AWS, and what the environment or machine role provides."""

    key: str | None
    secret: str | None = field(repr=False)
    endpoint_url: str | None
    region: str


def filesystem(url: str, s3: S3Access | None = None) -> tuple[Any, str]:
    """The fsspec file system of `url`, and its path there without a trailing slash.

    S3 is by default WarehouseSettings', and is waited for while it is away, unless the caller is
    `impatient`. Listings aren't cached: other processes write to the same folders.
    """
    import fsspec

    options = _options(s3 or _ours()) if url.startswith("s3://") else {}
    if options and is_patient():
        from stack.patient_s3 import PatientS3FileSystem

        fs = PatientS3FileSystem(**options, config_kwargs=PATIENT_S3)
        return fs, str(fs._strip_protocol(url)).rstrip("/")
    fs, path = fsspec.core.url_to_fs(url, **options)
    return fs, str(path).rstrip("/")


def ask(url: str) -> None:
    """Send the store of `url` one small request. Raises what the store raises if it is away.

    A missing folder counts as an answer, a missing bucket doesn't.
    """
    if url.startswith("s3://"):
        import fsspec

        fs = fsspec.filesystem("s3", **_options(_ours()), config_kwargs=CURT_S3)
        fs.retries = 1
        bucket, _, folder = str(fs._strip_protocol(url)).partition("/")
        fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=folder, MaxKeys=1)
        return
    fs, path = filesystem(url)
    with suppress(FileNotFoundError):
        fs.info(path)


def _ours() -> S3Access:
    settings = load_settings(WarehouseSettings)
    secret = settings.aws_secret_access_key
    return S3Access(
        settings.aws_access_key_id,
        secret.get_secret_value() if secret else None,
        settings.aws_endpoint_url,
        settings.aws_region,
    )


def _options(s3: S3Access) -> dict[str, Any]:
    return {
        "key": s3.key,
        "secret": s3.secret,
        "endpoint_url": s3.endpoint_url,
        "client_kwargs": {"region_name": s3.region},
        "use_listings_cache": False,
    }


def listed(fs: Any, folder: str) -> list[dict[str, Any]]:
    """fsspec's information on what is directly in a folder; empty if it doesn't exist."""
    try:
        return list(fs.ls(folder, detail=True))
    except (FileNotFoundError, NotADirectoryError):
        return []


def files_below(
    fs: Any, root: str, without: Collection[str] = ()
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path below `root` and fsspec's information on each file; empty if the folder doesn't exist.

    Folders `without`, given as paths below `root`, are skipped. On this machine links are followed,
    each folder once; anything but a file or folder, such as a pipe that would block its reader, has
    the type "other". Raises what the file system raises.
    """
    root = root.rstrip("/")
    if "file" in fs.protocol:
        yield from _local_files(root, "", frozenset(without), set())
        return
    try:
        entries = fs.ls(root, detail=True)
    except FileNotFoundError:
        return
    for entry in entries:
        name = str(entry["name"]).rstrip("/")
        path = name.removeprefix(root).lstrip("/")
        if entry["type"] != "directory":
            if path:
                yield path, entry
        elif path not in without:
            for below, info in fs.find(name, detail=True).items():
                inner = str(below).removeprefix(root).strip("/")
                skipped = any(inner.startswith(f"{folder}/") for folder in without)
                if inner != path and not skipped:  # some stores list a folder's marker in it
                    yield inner, info


def _local_files(
    root: str, below: str, without: frozenset[str], walked: set[tuple[int, int]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    folder = f"{root}/{below}" if below else root
    try:
        facts = os.stat(folder)  # noqa: PTH116 the name may not be UTF-8
        if (facts.st_dev, facts.st_ino) in walked:
            return
        walked.add((facts.st_dev, facts.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        try:
            facts = entry.stat()
        except OSError:  # gone, or a dangling link
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
        if not stat.S_ISDIR(facts.st_mode):
            kind = "file" if stat.S_ISREG(facts.st_mode) else "other"
            yield path, _facts(entry.path, facts, kind)
        elif path not in without:
            yield from _local_files(root, path, without, walked)


def facts_of(fs: Any, path: str) -> dict[str, Any]:
    """As `files_below`, for one file. Raises FileNotFoundError."""
    if "file" in fs.protocol:
        facts = os.stat(path)  # noqa: PTH116 the name may not be UTF-8
        return _facts(path, facts, "file" if stat.S_ISREG(facts.st_mode) else "other")
    fs.invalidate_cache(path.rsplit("/", 1)[0])
    found: dict[str, Any] = fs.info(path)
    return found


def _facts(name: str, facts: os.stat_result, type_: str) -> dict[str, Any]:
    return {
        "name": name,
        "size": facts.st_size,
        "type": type_,
        "mtime": facts.st_mtime,
        "ino": facts.st_ino,
    }


def printable(path: str) -> str:
    """A path as text that can be stored: bytes that aren't UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def safe_name(name: str, longest: int = 120) -> str:
    """A file name for `name` on any store: printable, without slashes, at most `longest` bytes.

    A changed name ends with part of its hash, so that two names never become the same.
    """
    plain = printable(name).replace("/", "__").replace("\\", "_").replace("\0", "_")
    if plain == name and len(plain.encode()) <= longest:
        return plain
    mark = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    stem, dot, suffix = plain.rpartition(".")
    ending = f"{dot}{suffix}" if stem and len(suffix) <= 8 else ""
    kept = (stem if ending else plain).encode()[: longest - len(mark) - len(ending.encode()) - 1]
    return f"{kept.decode('utf-8', 'ignore')}-{mark}{ending}"
