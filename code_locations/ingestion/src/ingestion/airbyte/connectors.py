"""Connectors' environments, made by uv: `stack connectors` installs them.

Each connector has its own, separate from the stack's and named after its ingredients. It is
complete or absent, and made only at set-up: a run doesn't use the network for it. The connector's
`spec` is fetched then too, once.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from ingestion.airbyte.connection import Connection, load_connections
from ingestion.airbyte.environments import Environment, environment_of
from ingestion.airbyte.process import Limits
from ingestion.airbyte.protocol import Connector, ConnectorError
from ingestion.settings import AirbyteSettings
from stack.errors import StackError
from stack.settings import load_settings

INSTALL_SECONDS = 900
SPEC_SECONDS = 120


class ConnectorInstallError(StackError):
    """A connector's environment can't be created; the message says why."""


def install(connection: Connection, connectors: Path) -> bool:
    """Install the connection's connector; return False if it was already there.

    Raises ConnectorInstallError. The environment is created in a temporary folder beside its place
    and renamed, so that it is complete or absent.
    """
    environment = environment_of(connection, connectors)
    if environment.complete:
        return False
    connectors.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=connectors) as temporary:
        made = replace(environment, folder=Path(temporary) / "environment")
        _make(connection, made.folder)
        if not made.executable.exists():
            raise ConnectorInstallError(
                f"{made.package} has no program {made.program}; "
                f"name one that it has under connector.executable in {connection.file}"
            )
        keep_spec(made)
        if environment.folder.exists() and not environment.complete:
            shutil.rmtree(environment.folder)
        try:
            made.folder.rename(environment.folder)
        except OSError:
            if not environment.complete:  # else another process was faster
                raise
    return True


def keep_spec(environment: Environment) -> None:
    """Ask the connector for its `spec`, and store it in the environment.

    Raises ConnectorInstallError if it returns none.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        Connector(
            environment,
            {},
            secrets=set(),
            limits=Limits(SPEC_SECONDS, SPEC_SECONDS),
            scratch=Path(scratch),
            logger=logging.getLogger(__name__),
        ) as connector,
    ):
        try:
            schema = connector.spec()
        except ConnectorError as error:
            raise ConnectorInstallError(str(error)) from None
    environment.spec_file.write_text(json.dumps(schema))


def _make(connection: Connection, folder: Path) -> None:
    connector = connection.connector
    python = _find_python(connection)
    _uv(connection, "venv", "--quiet", "--relocatable", "--no-python-downloads", "--python", python,
        str(folder))  # fmt: skip
    constraints = ["--constraints", str(connection.constraints)] if connection.constraints else []
    # Bytecode is compiled on demand; an image's build sets UV_COMPILE_BYTECODE.
    _uv(connection, "pip", "install", "--quiet", "--python",
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
    """Path of uv: the Python package's if installed, else the one on PATH (an image build)."""
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


@click.command()
def connectors() -> int:
    """Install what the configured connections need, printing one line each."""
    settings = load_settings(AirbyteSettings)
    failed = 0
    for connection in load_connections(settings.airbyte_connection_file):
        package = connection.connector.package
        try:
            made = install(connection, settings.connectors)
        except ConnectorInstallError as error:
            failed += 1
            click.echo(f"{connection.name}: {error}", err=True)
            continue
        click.echo(f"{connection.name}: {package} {'installed' if made else 'is there'}")
    return 1 if failed else 0
