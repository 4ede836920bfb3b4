"""Connectors of a few lines that speak the Airbyte protocol, as real processes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingestion.airbyte.connection import Connection, load_connections
from ingestion.airbyte.connectors import keep_spec
from ingestion.airbyte.environments import Environment, environment_of
from ingestion.airbyte.process import Limits
from ingestion.airbyte.protocol import Connector

ASKED = ["check", "discover", "read"]  # what is started of one that was never asked
# Isolated and without site-packages, so that it starts in 20 ms.
HEAD = f"#!{sys.executable} -IS\n"
PREAMBLE = """
import json, os, pathlib, signal, subprocess, sys, time

def say(kind, **body):
    sys.stdout.write(json.dumps({"type": kind, **body}) + "\\n")
    sys.stdout.flush()

def raw(text):
    sys.stdout.write(text)
    sys.stdout.flush()

def log(level, message):
    say("LOG", log={"level": level, "message": message})

counts = {}

def record(stream, **data):
    counts[stream] = counts.get(stream, 0) + 1
    say("RECORD", record={"stream": stream, "data": data, "emitted_at": 0})

def state(stream, **value):
    body = {"stream_descriptor": {"name": stream}, "stream_state": value}
    counted = {"recordCount": float(counts.pop(stream, 0))}
    say("STATE", state={"type": "STREAM", "stream": body, "sourceStats": counted})

def status(stream, word):
    body = {"stream_descriptor": {"name": stream}, "status": word}
    say("TRACE", trace={"type": "STREAM_STATUS", "emitted_at": 0, "stream_status": body})

def error(message, **more):
    body = {"message": message, **more}
    say("TRACE", trace={"type": "ERROR", "emitted_at": 0, "error": body})

def hang():
    signal.pause()

command, options = sys.argv[1], dict(zip(sys.argv[2::2], sys.argv[3::2]))

def given(option):
    return json.loads(pathlib.Path(options[option]).read_text()) if option in options else None

config, catalog, saved = given("--config"), given("--catalog"), given("--state")
"""
SPEC = 'say("SPEC", spec={"connectionSpecification": {"type": "object"}})'
CHECK = 'say("CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})'


@dataclass
class Script:
    """What a fake connector does for each command, in Python; it discovers `streams`."""

    read: str = ""
    spec: str = SPEC
    check: str = CHECK
    discover: str = ""
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)

    def text(self) -> str:
        catalog = {"streams": [stream_of(n, **given) for n, given in self.streams.items()]}
        said = f'say("CATALOG", catalog=json.loads({json.dumps(catalog)!r}))'
        discover = self.discover or said
        bodies = {"spec": self.spec, "check": self.check, "discover": discover, "read": self.read}
        branches = "".join(
            f"\nif command == {name!r}:\n    pass\n" + _indented(body)
            for name, body in bodies.items()
        )
        return HEAD + PREAMBLE + branches


def stream_of(name: str, *, key: str | None = "id", **properties: str) -> dict[str, Any]:
    """An AirbyteStream; properties are name=JSON type, or a schema."""
    schemas = {k: {"type": v} if isinstance(v, str) else v for k, v in properties.items()}
    return {
        "name": name,
        "json_schema": {"type": "object", "properties": schemas},
        "supported_sync_modes": ["full_refresh", "incremental"],
        "source_defined_cursor": True,
        "default_cursor_field": ["id"],
        "source_defined_primary_key": [[key]] if key else [],
    }


def declare(folder: Path, **fields: Any) -> Connection:
    """A connection from a YAML file with `fields` on top of plain defaults."""
    document = {
        "name": "crm",
        "connector": {"package": "source-fake==1.0", "executable": "source-fake"},
        "streams": {"deals": {}},
        **fields,
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{document['name']}.yml"
    file.write_text(yaml.safe_dump(document))
    return load_connections(file)[0]


def put(connection: Connection, connectors: Path, script: Script) -> Environment:
    """Install the script in place of the connection's connector."""
    environment = environment_of(connection, connectors)
    environment.bin_folder.mkdir(parents=True, exist_ok=True)
    python = environment.bin_folder / "python"
    if not python.exists():
        python.symlink_to(sys.executable)
    environment.executable.write_text(script.text())
    environment.executable.chmod(0o755)
    keep_spec(environment)
    return environment


def connect_to(
    tmp_path: Path,
    script: Script,
    *,
    config: dict[str, Any] | None = None,
    secrets: set[str] | None = None,
    limits: Limits | None = None,
) -> Connector:
    """The script as a connector that is ready for use."""
    environment = put(declare(tmp_path / "connections"), tmp_path / "connectors", script)
    return Connector(
        environment,
        config or {},
        secrets=secrets or set(),
        limits=limits or Limits(deadline=30, silence=30),
        scratch=tmp_path / "scratch",
        logger=logging.getLogger("test.airbyte"),
    )


def _indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.strip("\n").splitlines())


def starts_of_connectors(patch: pytest.MonkeyPatch) -> list[str]:
    """A list that gets the command of each connector's process as it is started; but for `spec`."""
    commands: list[str] = []
    start = subprocess.Popen

    def counted(command: list[str], *arguments: Any, **options: Any) -> subprocess.Popen[Any]:
        if command[0].rpartition("/")[2].startswith("source-") and command[1] != "spec":
            commands.append(command[1])
        return start(command, *arguments, **options)

    patch.setattr("ingestion.airbyte.process.subprocess.Popen", counted)
    return commands
