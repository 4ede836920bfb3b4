"""A separate warehouse, and the real connector, installed once for all tests."""

import logging
from pathlib import Path

import pytest

from ingestion.airbyte.connection import Connection, load_connections
from ingestion.airbyte.connectors import install
from ingestion.airbyte.sync import Synced, sync
from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.quarantine import Quarantine
from ingestion.settings import AirbyteSettings
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect
from support.fake_connector import Script, put


@pytest.fixture(scope="session")
def shop() -> Connection:
    """The sample shop, with its connector where `make setup` puts it."""
    [connection] = load_connections()
    install(connection, AirbyteSettings(_env_file=None).connectors)
    return connection


class Syncs:
    """Syncs of connections into a warehouse of their own, by fake connectors or real ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connectors = folder / "connectors"
        self.quarantine = Quarantine(str(folder / "quarantine"))

    def run(
        self,
        connection: Connection,
        script: Script | None = None,
        scope: Scope = WHAT_IS_NEW,
        **settings,
    ) -> Synced:
        if script:
            put(connection, self.connectors, script)
            settings["airbyte_connectors_dir"] = self.connectors
        return sync(
            connection,
            AirbyteSettings(_env_file=None, **settings),
            scratch=self.folder / "scratch",
            logger=logging.getLogger("test.airbyte"),
            quarantine=self.quarantine,
            scope=scope,
        )

    def query(self, sql: str) -> list[tuple]:
        warehouse = load_settings(WarehouseSettings)
        with connect(warehouse, read_only=True) as connection:
            connection.execute(f'use "{warehouse.database}"."{warehouse.dlt_dataset_name}"')
            return connection.execute(sql).fetchall()


@pytest.fixture(autouse=True)
def _quick_to_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a password is slow to guess is a third of a small sync."""
    monkeypatch.setattr("ingestion.airbyte.remembered.SCRYPT", {"n": 2, "r": 1, "p": 1})


@pytest.fixture
def syncs(stack_home: Path) -> Syncs:
    """Syncs into an empty warehouse."""
    return Syncs(stack_home)
