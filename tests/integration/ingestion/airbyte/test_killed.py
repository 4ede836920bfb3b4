"""Syncs that are killed or interrupted, as separate processes.

../../pipeline/test_killed.py kills the real connector in the middle of a sync.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg
import pytest

from ingestion.airbyte.connection import load_connections
from ingestion.airbyte.loader import AirbyteLoader
from ingestion.loader_asset import loader_asset
from stack.warehouse import connect
from support.fake_connector import Script, declare, put
from support.stack_process import StackProcess

SYNC = """
import dagster as dg
from ingestion.assets import airbyte_sync_job
dg.materialize([airbyte_sync_job], instance=dg.DagsterInstance.ephemeral())
"""
# A stream to its end and half of another; while the file is there, it goes no further.
HALF = """
for i in range(1000):
    record("customers", id=i)
state("customers", at=1000)
status("customers", "COMPLETE")
record("products", id=1)
while pathlib.Path(config["hold"]).exists():
    log("INFO", "still at it")
    time.sleep(0.01)
record("products", id=2)
state("products", at=2)
"""
STREAMS = {"customers": {"id": "integer"}, "products": {"id": "integer"}}


@pytest.fixture
def stack(stack_home, tmp_path, monkeypatch) -> StackProcess:
    """A stack whose only connection stops in its middle."""
    hold = tmp_path / "hold"
    hold.touch()
    folder, connectors = tmp_path / "connections", tmp_path / "connectors"
    streams = {name: {} for name in STREAMS}
    connection = declare(folder, name="crm", streams=streams, config={"hold": str(hold)})
    put(connection, connectors, Script(HALF, streams=STREAMS))
    variables = {
        "AIRBYTE_CONNECTION_FILE": str(folder),
        "AIRBYTE_CONNECTORS_DIR": str(connectors),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return StackProcess(stack_home, variables)


def sync_until(stack: StackProcess, line: str) -> subprocess.Popen:
    """A process that syncs, once its log has said `line`."""
    child = stack.start("-c", SYNC)
    output = ""
    for said in child.stdout:
        output += said
        if line in said:
            return child
    pytest.fail(output)


def processes_in(folder: Path) -> list[str]:
    """Command lines of processes that work with files of a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = process.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


def test_a_sync_killed_in_the_middle_ends_after_a_rerun_as_if_undisturbed(stack, tmp_path):
    child = sync_until(stack, "crm_customers: 1,000 rows read")
    child.kill()
    child.wait()
    child.stdout.close()
    # The connector goes when nobody reads it any more.
    wait_until(lambda: not processes_in(stack.home))
    (tmp_path / "hold").unlink()
    [left] = (stack.home / "scratch" / "airbyte").iterdir()

    asset = loader_asset(
        "airbyte_sync_job", [AirbyteLoader(load_connections(tmp_path / "connections"))], ""
    )
    assert dg.materialize([asset], instance=dg.DagsterInstance.ephemeral()).success
    with connect(read_only=True) as connection:
        counted = [
            connection.execute(f"select count(*) from freelancer_raw.crm_{name}").fetchone()
            for name in STREAMS
        ]
    assert counted == [(1000,), (2,)]
    assert not left.exists()


def test_an_interrupted_sync_takes_its_connector_along(stack):
    child = sync_until(stack, "crm: connected, reading")
    wait_until(lambda: processes_in(stack.home))
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=300)
    assert child.returncode != 0, output
    assert not processes_in(stack.home)
    assert list((stack.home / "scratch" / "airbyte").iterdir()) == []
