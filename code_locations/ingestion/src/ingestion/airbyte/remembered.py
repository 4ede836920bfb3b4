"""The results of `check` and `discover` for a source, kept for later syncs.

They are at `<ARTIFACTS_URL>/connectors/<connection>.json`, and valid for the connector as installed
and the configuration as it is. The configuration can't be recovered from the file: it has only a
salted scrypt digest, which makes guessing a password as slow as computing it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ingestion.airbyte.connection import Connection
from ingestion.airbyte.environments import Environment
from stack.artifacts import write_atomically
from stack.errors import reason
from stack.storage import filesystem

FOLDER = "connectors"
SALT_BYTES = 16
# 16 MiB and five passes, OWASP's advice where 128 MiB are too many.
SCRYPT = {"n": 1 << 14, "r": 8, "p": 5}


class Answers(BaseModel):
    """That `check` passed, the streams that `discover` found, and for which connector and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    asked_at: AwareDatetime
    connector: str
    code: str
    salt: str
    configuration: str
    streams: tuple[dict[str, Any], ...]


class Memory:
    """The answers of one connection's connector. Problems with the file are only logged."""

    def __init__(
        self,
        connection: Connection,
        environment: Environment,
        config: dict[str, Any],
        *,
        url: str,
        logger: logging.Logger,
    ) -> None:
        self._connection = connection
        self._environment = environment
        self._config = json.dumps(config, sort_keys=True).encode()
        self._log = logger
        self._fs, root = filesystem(url)
        self._path = f"{root}/{FOLDER}/{connection.name}.json"

    def recall(self) -> tuple[dict[str, Any], ...] | None:
        """The streams as last discovered; None if the connector has to be asked."""
        hours = self._connection.discover_hours
        answers = self._read() if hours else None
        if answers is None:
            return None
        age = datetime.now(UTC) - answers.asked_at
        if (
            not timedelta(0) <= age < timedelta(hours=hours)
            or answers.code != _code_version()
            or answers.connector != self._environment.fingerprint()
            or not hmac.compare_digest(answers.configuration, self._digest(answers.salt))
        ):
            return None
        return answers.streams

    def keep(self, streams: tuple[dict[str, Any], ...], asked_at: datetime) -> None:
        """Store what `discover` found, having been started at `asked_at`."""
        if not self._connection.discover_hours:
            return
        salt = secrets.token_hex(SALT_BYTES)
        answers = Answers(
            asked_at=asked_at,
            connector=self._environment.fingerprint(),
            code=_code_version(),
            salt=salt,
            configuration=self._digest(salt),
            streams=tuple(s for s in streams if s["name"] in self._connection.streams),
        )
        try:
            write_atomically(self._fs, self._path, answers.model_dump_json().encode())
        except OSError as error:
            self._log.warning("%s can't be written: %s", self._path, reason(error))

    def drop(self) -> None:
        """Delete the stored answers."""
        try:
            self._fs.rm(self._path)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._log.warning("%s can't be removed: %s", self._path, reason(error))

    def _read(self) -> Answers | None:
        try:
            return Answers.model_validate_json(self._fs.cat_file(self._path))
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            # The error's own message would show the file's content.
            told = reason(error) if isinstance(error, OSError) else "it isn't what was written"
            self._log.warning("%s is dropped, and the connector asked: %s", self._path, told)
            self.drop()
            return None

    def _digest(self, salt: str) -> str:
        return hashlib.scrypt(self._config, salt=salt.encode(), **SCRYPT).hex()


def _code_version() -> str:
    return version("freelancer-ingestion")
