"""Connectors' environments, made by uv: `python -m ingestion.airbyte.connectors` installs them.

Each connector has its own, never the stack's, named after what it is made from. It is there
whole or not at all, and is made at set-up only: a run touches no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ingestion.airbyte.connection import Connection, load_connections
from ingestion.settings import AirbyteSettings
from stack.settings import load_settings

INSTALL_SECONDS = 900


class ConnectorMissingError(RuntimeError):
    """A connector's environment is not there; the message names the next step."""


class ConnectorInstallError(RuntimeError):
    """A connector's environment can't be made; the message says why."""


@dataclass(frozen=True)
class Environment:
    """A connector's environment on this machine; `package` is what it was made for."""

    package: str
    folder: Path
    executable: Path

    @property
    def bin_folder(self) -> Path:
        """Folder of its programs."""
        return self.folder / "bin"

    @property
    def complete(self) -> bool:
        """Whether it can be run: also false if the Python that it was made with is gone."""
        return self.executable.exists() and (self.bin_folder / "python").exists()


def environment_of(connection: Connection, connectors: Path) -> Environment:
    """Where the connection's connector is, or will be, below `connectors`."""
    package = connection.connector.package
    made_from = [package, connection.connector.python]
    if connection.constraints:
        made_from.append(connection.constraints.read_text())
    digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:12]
    folder = connectors / f"{package.replace('==', '-')}-{digest}"
    return Environment(package, folder, folder / "bin" / connection.connector.executable)


def require(connection: Connection, connectors: Path) -> Environment:
    """The installed environment. Raises ConnectorMissingError."""
    environment = environment_of(connection, connectors)
    if not environment.complete:
        raise ConnectorMissingError(
            f"connector {connection.connector.package} of connection {connection.name} is not "
            f"installed in {environment.folder}; run `make setup`"
        )
    return environment


def install(connection: Connection, connectors: Path) -> bool:
    """Install the connection's connector; return False if it was there.

    Raises ConnectorInstallError. Made in a temporary folder beside its place and renamed, so
    that it is whole or absent.
    """
    environment = environment_of(connection, connectors)
    if environment.complete:
        return False
    connectors.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=connectors) as temporary:
        made = Path(temporary) / "environment"
        _make(connection, made)
        if not (made / "bin" / connection.connector.executable).exists():
            raise ConnectorInstallError(
                f"{connection.connector.package} has no program {connection.connector.executable}; "
                f"name one that it has under connector.executable in {connection.file}"
            )
        if environment.folder.exists() and not environment.complete:
            shutil.rmtree(environment.folder)
        try:
            made.rename(environment.folder)
        except OSError:
            if not environment.complete:  # else another process was faster
                raise
    return True


def _make(connection: Connection, folder: Path) -> None:
    connector = connection.connector
    python = _find_python(connection)
    _uv(connection, "venv", "--quiet", "--relocatable", "--no-python-downloads", "--python", python,
        str(folder))  # fmt: skip
    constraints = ["--constraints", str(connection.constraints)] if connection.constraints else []
    _uv(connection, "pip", "install", "--quiet", "--compile-bytecode", "--python",
        str(folder / "bin" / "python"), *constraints, connector.package)  # fmt: skip


def _find_python(connection: Connection) -> str:
    specifier = connection.connector.python
    result = _run_uv(
        "python", "find", "--no-project", "--no-python-downloads", "--system", specifier
    )
    if result.returncode != 0:
        raise ConnectorInstallError(
            f"{connection.connector.package} needs Python {specifier}, and none is on this "
            "machine; install one (nothing is downloaded for it) and run `make setup` again"
        )
    return result.stdout.strip()


def _uv(connection: Connection, *arguments: str) -> None:
    result = _run_uv(*arguments)
    if result.returncode != 0:
        reason = " ".join(result.stderr.split())[-600:]
        raise ConnectorInstallError(f"{connection.connector.package} can't be installed: {reason}")


def _find_uv() -> str:
    """Path of uv: the package's where it is installed, else the one on PATH (an image build)."""
    try:
        from uv import find_uv_bin

        return find_uv_bin()
    except ImportError:
        found = shutil.which("uv")
    if found is None:
        raise ConnectorInstallError(
            "uv is not found, which makes the connectors' environments; install "
            "freelancer-ingestion[connectors], or run `make setup`"
        )
    return found


def _run_uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(
        [_find_uv(), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_SECONDS,
        env=environment,
    )


def main() -> int:
    """Install what the configured connections need; print a line each."""
    settings = load_settings(AirbyteSettings)
    failed = 0
    for connection in load_connections(settings.airbyte_connection_file):
        package = connection.connector.package
        try:
            made = install(connection, settings.connectors)
        except ConnectorInstallError as error:
            failed += 1
            print(f"{connection.name}: {error}", file=sys.stderr)  # noqa: T201
            continue
        print(f"{connection.name}: {package} {'installed' if made else 'is there'}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
