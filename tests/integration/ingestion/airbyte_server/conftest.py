"""A fake Airbyte server, and a stack that uses it."""

import logging
from collections.abc import Callable, Iterator

import pytest

from fakes.airbyte_server import CLIENT_ID, CLIENT_SECRET, CONNECTION, FakeAirbyte, fake_airbyte
from ingestion.airbyte.loader import AirbyteLoader
from ingestion.airbyte.sync import Synced, SyncError
from support.reports import StreamTold, streams_of


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
def sync(airbyte) -> Callable[[], list[StreamTold]]:
    """A sync of the sample shop by what the environment says; raises what failed it."""

    def run() -> list[StreamTold]:
        report = AirbyteLoader().load(log=logging.getLogger("airbyte of the tests"))
        for failed in report.failures:
            raise SyncError(failed.reason, Synced(report.inputs, report.tables))
        return streams_of(report)

    return run
