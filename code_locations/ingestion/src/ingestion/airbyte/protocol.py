"""The Airbyte protocol's commands on an installed connector: spec, check, discover, read."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ingestion.airbyte.connection import INJECTED_MANIFEST
from ingestion.airbyte.environments import Environment
from ingestion.airbyte.messages import (
    Catalog,
    ConnectionStatus,
    Failure,
    Log,
    MalformedMessageError,
    Message,
    NotAMessageError,
    Spec,
    parse,
)
from ingestion.airbyte.process import (
    ConnectorProcess,
    Limits,
    ProcessError,
    minimal_environment,
)
from ingestion.airbyte.redaction import secret_values
from stack.errors import StackError
from stack.redaction import Redactor

# Libraries sometimes print to standard output; a connector that does little else is broken.
MAX_STRAY_LINES = 100
SHOWN_CHARACTERS = 500
# A connector's INFO is about its internals; our own lines report progress.
LEVELS = {"FATAL": logging.CRITICAL, "ERROR": logging.ERROR, "WARN": logging.WARNING}

M = TypeVar("M", Spec, ConnectionStatus, Catalog)


class ConnectorError(StackError):
    """A connector failed; one line with its name, the command, what was found and what to do."""


class Connector:
    """An installed connector with its configuration.

    As a context manager, it removes the folder with the configuration (readable only by us) on
    leaving.
    """

    def __init__(  # noqa: PLR0913 - what a run gives, once
        self,
        environment: Environment,
        config: dict[str, Any],
        *,
        secrets: set[str],
        limits: Limits,
        scratch: Path,
        logger: logging.Logger,
    ) -> None:
        self.name = environment.package
        self._environment = environment
        self._config = config
        self._schemas = self._read_schemas()
        self.redact = Redactor(secrets.union(*(secret_values(s, config) for s in self._schemas)))
        self._limits = limits
        self._log = logger
        scratch.mkdir(parents=True, exist_ok=True)
        remove_leftovers(scratch)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=scratch))
        self._config_option = ("--config", str(self._write("config.json", config)))

    def __enter__(self) -> Connector:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def spec(self) -> dict[str, Any]:
        """Its configuration schema, as JSON Schema. Raises ConnectorError."""
        with self._start("spec") as process:
            return self._answer(process, "spec", Spec).schema

    def discover(self) -> tuple[dict[str, Any], ...]:
        """The source's streams, as AirbyteStream objects, after `check` has passed.

        The two run at once, since most of their time is the connector's start; before that, the
        configuration is validated against the stored `spec`. Raises ConnectorError.
        """
        self._validate()
        with self._start("check", *self._config_option) as check, self._discovering() as discover:
            status = self._answer(check, "check", ConnectionStatus)
            if not status.succeeded:
                raise self._error("check", f"the source refuses: {self.redact(status.message)}")
            return self._answer(discover, "discover", Catalog).streams

    def discover_again(self) -> tuple[dict[str, Any], ...]:
        """As `discover`, but without `check`, when a read has shown that it would pass."""
        with self._discovering() as discover:
            return self._answer(discover, "discover", Catalog).streams

    def read(
        self, catalog: Sequence[dict[str, Any]], state: Any | None
    ) -> Generator[Message, None, None]:
        """Messages of a sync of the configured streams, starting from `state`.

        Logs LOG messages itself. Ends normally only if the connector exits with 0; otherwise yields
        all messages first and then raises ConnectorError.
        """
        arguments = [
            *self._config_option,
            *("--catalog", str(self._write("catalog.json", {"streams": list(catalog)}))),
        ]
        if state is not None:
            arguments += ["--state", str(self._write("state.json", state))]
        with self._start("read", *arguments) as process:
            yield from self._messages(process, "read")

    def _discovering(self) -> ConnectorProcess:
        return self._start("discover", *self._config_option)

    def _start(self, *command: str) -> ConnectorProcess:
        try:
            return ConnectorProcess(
                [str(self._environment.executable), *command],
                environment=minimal_environment(self.folder, self._environment.bin_folder),
                folder=self.folder,
            )
        except ProcessError as error:
            raise self._error(command[0], str(error)) from None

    def _answer(self, process: ConnectorProcess, command: str, kind: type[M]) -> M:
        found: M | None = None
        for message in self._messages(process, command):
            if isinstance(message, kind):
                found = message
        if found is None:
            raise self._error(command, f"it ended without a {kind.__name__} message")
        return found

    def _messages(self, process: ConnectorProcess, command: str) -> Iterator[Message]:
        failures: list[Failure] = []
        stray = 0
        try:
            for line in process.lines(self._limits):
                try:
                    message = parse(line)
                except NotAMessageError:
                    if not line.strip():
                        continue
                    stray += 1
                    self._log.warning("%s: %s", self.name, self._show(line))
                    if stray > MAX_STRAY_LINES:
                        raise self._error(
                            command, f"more than {MAX_STRAY_LINES} lines of output are no messages"
                        ) from None
                    continue
                if isinstance(message, Log):
                    level = LEVELS.get(message.level, logging.DEBUG)
                    text = " ".join(message.message.split())
                    self._log.log(level, "%s: %s", self.name, self.redact(text))
                    continue
                if isinstance(message, Failure):
                    failures.append(message)
                yield message
        except MalformedMessageError as error:
            code = process.exit_code_soon()
            end = f", and it {_how_it_ended(code)}" if code else ""
            raise self._error(command, f"{self.redact(str(error))}{end}", failures) from None
        except ProcessError as error:
            raise self._error(command, str(error), failures) from None
        try:
            code = process.wait()
        except ProcessError as error:
            raise self._error(command, str(error), failures) from None
        for text in process.stderr_tail:
            self._log.debug("%s: %s", self.name, self.redact(text))
        if code != 0:
            found = f"it {_how_it_ended(code)}"
            raise self._error(command, found, failures, process.stderr_tail)
        if failures:
            raise self._error(command, "it reported an error", failures)

    def _error(
        self,
        command: str,
        found: str,
        failures: Sequence[Failure] = (),
        stderr: Sequence[str] = (),
    ) -> ConnectorError:
        reasons = [
            f"{f.stream + ': ' if f.stream else ''}{f.message}"
            + (f" ({f.internal_message})" if f.internal_message else "")
            for f in failures
        ] or list(stderr[-1:])
        because = f": {self.redact(' / '.join(reasons))}" if reasons else ""
        config_fault = any(f.failure_type == "config_error" for f in failures)
        step = "correct the connection's config" if config_fault else "see the log above"
        return ConnectorError(f"{self.name} {command}: {found}{because}; {step}")

    def _read_schemas(self) -> list[dict[str, Any]]:
        """The stored `spec`; none while the connector is being installed."""
        if not self._environment.spec_file.exists():
            return []
        schemas = [json.loads(self._environment.spec_file.read_bytes())]
        manifest = self._config.get(INJECTED_MANIFEST)
        if isinstance(manifest, dict):
            # The runner of manifests returns its own spec; the source's is in the manifest.
            schemas.append((manifest.get("spec") or {}).get("connection_specification") or {})
        return schemas

    def _validate(self) -> None:
        from jsonschema.exceptions import UnknownType
        from jsonschema.validators import validator_for
        from referencing.exceptions import Unresolvable

        try:
            errors = [
                e
                for schema in self._schemas
                for e in validator_for(schema)(schema).iter_errors(self._config)
            ]
        except (re.error, UnknownType, Unresolvable) as error:
            # The spec itself is wrong; `check` will report mistakes in the configuration.
            self._log.debug("%s: its spec can't be used to validate: %s", self.name, error)
            return
        if errors:
            # The validator's own message would show the value, which may be a secret.
            problems = "; ".join(
                f"config.{'.'.join(map(str, e.absolute_path)) or '(whole)'} fails "
                f"{e.validator}: {self.redact(_expected(e.validator_value))}"
                for e in errors[:5]
            )
            raise self._error("spec", f"the configuration is not what it accepts: {problems}")

    def _show(self, line: bytes) -> str:
        return self.redact(line[:SHOWN_CHARACTERS].decode(errors="replace").strip())

    def _write(self, name: str, content: Any) -> Path:
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(json.dumps(content))
        return path


def remove_leftovers(scratch: Path) -> None:
    """Remove the folders, with configurations, that killed processes left."""
    for folder in scratch.iterdir():
        pid, dash, _ = folder.name.partition("-")
        if dash and pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _how_it_ended(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"exited with {code}"


def _expected(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
