"""A daemon for a folder of alerts, and for a store that fails."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from unit.stack.remediation.daemon import Bucket, Daemon


@pytest.fixture
def daemon(stack_home: Path) -> Iterator[Daemon]:
    """A daemon over a folder."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(stack_home, instance)


@pytest.fixture
def bucket(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Bucket]]:
    """The same over a store that can be made to fail."""
    monkeypatch.setenv("ALERTS_URL", f"bucket://{daemon.folder}")
    Bucket.broken = ()
    yield Bucket
    Bucket.broken = ()
