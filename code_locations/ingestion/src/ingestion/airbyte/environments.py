"""Where the connectors' environments are, and whether they can run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ingestion.airbyte.connection import Connection
from stack.errors import StackError


class ConnectorMissingError(StackError):
    """A connector's environment is missing; the message names the next step."""


@dataclass(frozen=True)
class Environment:
    """A connector's local environment: made for `package`, run by its `program`."""

    package: str
    folder: Path
    program: str

    @property
    def spec_file(self) -> Path:
        """The file with its answer to `spec`, which is the same at each run."""
        return self.folder / "spec.json"

    @property
    def bin_folder(self) -> Path:
        """Folder of its programs."""
        return self.folder / "bin"

    @property
    def executable(self) -> Path:
        """Path of its program."""
        return self.bin_folder / self.program

    @property
    def complete(self) -> bool:
        """Whether it can run: False also if the Python that it was made with is gone."""
        parts = (self.executable, self.bin_folder / "python", self.spec_file)
        return all(part.exists() for part in parts)

    def fingerprint(self) -> str:
        """A digest of what is installed: packages and versions, Python, program and spec."""
        packages = sorted(
            str(path.relative_to(self.folder))
            for path in self.folder.glob("lib/python*/site-packages/*.dist-info")
        )
        said = hashlib.sha256("\0".join([self.folder.name, self.program, *packages]).encode())
        for part in (self.executable, self.spec_file):
            said.update(hashlib.sha256(part.read_bytes()).digest())
        return said.hexdigest()


def environment_of(connection: Connection, connectors: Path) -> Environment:
    """Where the connection's connector is, or will be, below `connectors`."""
    package = connection.connector.package
    made_from = [package, connection.connector.python]
    if connection.constraints:
        made_from.append(connection.constraints.read_text())
    digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:12]
    folder = connectors / f"{package.replace('==', '-')}-{digest}"
    return Environment(package, folder, connection.connector.executable)


def require(connection: Connection, connectors: Path) -> Environment:
    """The installed environment. Raises ConnectorMissingError."""
    environment = environment_of(connection, connectors)
    if not environment.complete:
        raise ConnectorMissingError(
            f"connector {connection.connector.package} of connection {connection.name} is not "
            f"installed in {environment.folder}; run `make setup`"
        )
    return environment
