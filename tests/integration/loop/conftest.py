"""A code server of a location `tiny` with one job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._grpc.client import DagsterGrpcClient

from stack.sync.files import digest_of, files_of, pack
from stack.sync.hand import hand
from support.servers import free_port, wait_until
from support.stack_process import ROOT, clean_environment

IMAGE = "registry.example.org/tiny:1"
WORDS = "src/tiny/words.py"
DEFINITIONS = """
import dagster as dg
from tiny.words import WORD

defs = dg.Definitions(jobs=[dg.GraphDefinition(name=WORD).to_job()])
"""


@dataclass(frozen=True)
class Server:
    """The process, and what is asked of it as Dagster and as `stack sync` ask."""

    folder: Path
    port: int

    def files(self, words: str) -> dict[str, bytes]:
        """The location's files with another text of the file that names the job."""
        return files_of(self.folder, "tiny") | {WORDS: words.encode()}

    def take(self, files: dict[str, bytes], packed: bytes | None = None) -> dict[str, object]:
        """Hand over files, or an archive that should be these."""
        said = hand(digest_of(files), packed or pack(files), self.folder / "sync.sock")
        return json.loads(said)

    def location(self) -> GrpcServerCodeLocation:
        """The location as the webserver loads it."""
        origin = GrpcServerCodeLocationOrigin("localhost", port=self.port, location_name="tiny")
        with dg.DagsterInstance.ephemeral() as instance:
            return GrpcServerCodeLocation(origin, instance, watch_server=False)

    def jobs(self) -> set[str]:
        """Names of its jobs."""
        [repository] = self.location().get_repositories().values()
        return {job.name for job in repository.get_all_jobs()}

    def shown(self) -> dict[str, str]:
        """What the UI shows beside the versions of Dagster's libraries."""
        return dict(self.location().get_dagster_library_versions() or {})

    def states(self) -> set[str]:
        """Names in the folder of states."""
        return {folder.name for folder in (self.folder / "home/code").glob("*")}


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """That of the location's processes, as an image has it."""
    (folder / "dagster").mkdir(exist_ok=True)
    installed = folder / "code_locations/tiny/src"
    paths = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH", "")]))
    ours = {"STACK_HOME": str(folder / "home"), "DAGSTER_HOME": str(folder / "dagster")}
    return clean_environment(**ours, PYTHONPATH=paths, PYTHONDONTWRITEBYTECODE="1") | changes


def command(folder: Path, port: int) -> list[str]:
    """That of the code server."""
    return [
        sys.executable, "-m", "stack.sync.server", "--module-name", "tiny.definitions",
        "--location-name", "tiny", "--port", str(port), "--socket", str(folder / "sync.sock"),
    ]  # fmt: skip


@contextmanager
def serving(folder: Path, image: str = IMAGE) -> Iterator[Server]:
    """A code server, until the end of the block."""
    port, log = free_port(), folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(folder, port),
            env=environment(folder, DAGSTER_CURRENT_IMAGE=image), stdout=output, stderr=output,
        )  # fmt: skip
    client = DagsterGrpcClient(port=port)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return bool(client.ping("")) and (folder / "sync.sock").exists()
        except DagsterUserCodeUnreachableError:
            return False

    try:
        wait_until(answers, "the code server", log)
        yield Server(folder, port)
    finally:
        process.terminate()
        process.wait(90)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that has the location."""
    package = tmp_path / "code_locations/tiny/src/tiny"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    (package / "words.py").write_text('WORD = "original"\n')
    for name in ("stack", "pods"):
        (tmp_path / "code_locations" / name).symlink_to(ROOT / "code_locations" / name)
    return tmp_path


@pytest.fixture
def server(checkout: Path) -> Iterator[Server]:
    with serving(checkout) as server:
        yield server
