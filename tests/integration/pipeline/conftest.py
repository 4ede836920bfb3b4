"""One undisturbed run of the daily pipeline, used by several tests."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from stack.settings import WarehouseSettings
from support.stack_process import StackProcess


@dataclass
class Ran:
    """A stack after its first run, and what that run printed."""

    stack: StackProcess
    first: subprocess.CompletedProcess[str]
    network_log: Path

    @property
    def warehouse(self) -> WarehouseSettings:
        """Settings that open its warehouse."""
        return WarehouseSettings(stack_home=self.stack.home)


@pytest.fixture(scope="session")
def ran(tmp_path_factory) -> Ran:
    """A stack on the embedded default that ran the daily pipeline once on sample data."""
    stack = StackProcess(tmp_path_factory.mktemp("undisturbed") / "stack")
    stack.write_sample_data()
    log = stack.home.parent / "network.log"
    first = stack.without_network(log).run_pipeline()
    assert first.returncode == 0, first.stdout + first.stderr
    return Ran(stack, first, log)


@pytest.fixture
def stack(tmp_path: Path) -> StackProcess:
    """A stack with nothing in it yet."""
    return StackProcess(tmp_path / "stack")
