"""Say how an image was built: an in-toto statement with SLSA provenance, for `build-image.sh`.

Standard library only: it runs before anything is set up. Nothing is signed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BUILD_TYPE = "https://github.com/your-org/freelancer-data-stack/blob/main/scripts/build-image.sh"
BASE = "python:3.11-slim-bookworm"
"""The Dockerfiles' base image unless the build argument BASE names another."""


def statement(
    image: str, digest: str, build: dict[str, Any], source: dict[str, Any], started: str
) -> dict[str, Any]:
    """The statement.

    `image` is its repository with registry, `digest` is sha256:…; `build` has dockerfile, context
    and arguments, `source` is from `source_of`.
    """
    base = build["arguments"].get("BASE", BASE)
    name, _, base_digest = base.partition("@")
    materials = [
        {"uri": f"git+{source['url']}", "digest": {"gitCommit": source["commit"]}},
        {"uri": f"docker:{name}", "digest": _digest(base_digest)},
        *({"uri": file, "digest": {"sha256": held}} for file, held in source["files"].items()),
    ]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": image, "digest": _digest(digest)}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": build,
                # Files in no commit: nobody else can build the same image.
                "internalParameters": {"uncommitted": source["uncommitted"]},
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": os.environ.get("BUILDER_ID") or f"host:{platform.node()}"},
                "metadata": {"startedOn": started, "finishedOn": now()},
            },
        },
    }


def source_of(root: Path, dockerfile: str) -> dict[str, Any]:
    """Commit, its origin without credentials, uncommitted files, sha256 of lock and Dockerfile."""
    url = _git(root, "remote", "get-url", "origin") or "unknown"
    scheme, there, rest = url.partition("://")
    files = {name: root / name for name in ("uv.lock", dockerfile)}
    return {
        "url": f"{scheme}://{rest.rpartition('@')[2]}" if there else url,
        "commit": _git(root, "rev-parse", "HEAD") or "unknown",
        "uncommitted": [line[3:] for line in _git(root, "status", "--porcelain").splitlines()],
        "files": {name: _sha256(path) for name, path in files.items() if path.exists()},
    }


def now() -> str:
    """The time in SLSA's format."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the statement about one build to a file."""
    parser = argparse.ArgumentParser()
    for name in ("image", "digest", "started", "context", "to"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--file", "-f", required=True)
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--platform")
    given, flags = parser.parse_known_args(arguments)
    build: dict[str, Any] = {
        "context": given.context,
        "dockerfile": given.file,
        "arguments": dict(pair.split("=", 1) for pair in given.build_arg),
    }
    if given.platform:
        build["platform"] = given.platform
    if flags:  # flags for the builder itself
        build["flags"] = flags
    said = statement(given.image, given.digest, build, source_of(ROOT, given.file), given.started)
    file = Path(given.to)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(said, indent=2) + "\n")


def _digest(text: str) -> dict[str, str]:
    algorithm, _, value = text.partition(":")
    return {algorithm: value} if value else {}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],  # noqa: S607 - as build-images.sh calls it
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.rstrip("\n") if done.returncode == 0 else ""


if __name__ == "__main__":
    main()
