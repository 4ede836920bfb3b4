"""A fake Airbyte server, and the stack pointed at it."""

import logging
from collections.abc import Callable, Iterator

import pytest

from fakes.airbyte_server import CLIENT_ID, CLIENT_SECRET, CONNECTION, FakeAirbyte, fake_airbyte
from ingestion.airbyte.backend import choose_backend
from ingestion.airbyte.connection import load_connections
from ingestion.airbyte.sync import SyncReport
from ingestion.settings import AirbyteSettings
from stack.settings import load_settings


@pytest.fixture
def airbyte(stack_home, monkeypatch) -> Iterator[FakeAirbyte]:
    with fake_airbyte() as server:
        for name, value in {
            "AIRBYTE_CONNECTION_ID": CONNECTION,
            "AIRBYTE_HOST": "127.0.0.1",
            "AIRBYTE_PORT": str(server.port),
            "AIRBYTE_CLIENT_ID": CLIENT_ID,
            "AIRBYTE_CLIENT_SECRET": CLIENT_SECRET,
            "AIRBYTE_POLL_SECONDS": "0.002",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def sync(airbyte, tmp_path) -> Callable[[], SyncReport]:
    """A sync of the sample shop by what the environment says."""

    def run() -> SyncReport:
        backend = choose_backend(
            load_settings(AirbyteSettings),
            scratch=tmp_path,
            logger=logging.getLogger("airbyte of the tests"),
            quarantine=lambda *_: None,
        )
        return backend.sync(load_connections()[0])

    return run
