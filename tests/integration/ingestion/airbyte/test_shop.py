"""The sample shop by its real connector, through Dagster."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from ingestion.airbyte.connection import Connection
from ingestion.assets import airbyte_sync_job
from stack.artifacts import ArtifactStore
from stack.load_report import LoadReport, read_report
from stack.settings import StackSettings, load_settings
from stack.warehouse import connect
from support.stack_process import StackProcess

TABLES = ("shop_customers", "shop_products", "shop_purchases")
SYNC = (
    "import dagster as dg\n"
    "from ingestion.assets import airbyte_sync_job\n"
    "dg.materialize([airbyte_sync_job], instance=dg.DagsterInstance.ephemeral())"
)


@dataclass
class Sync:
    """A sync's result, and what the tables held after it."""

    result: dg.ExecuteInProcessResult
    contents: dict[str, list]
    report: LoadReport


def contents() -> dict[str, list]:
    # The connector stamps `updated_at` with the time of the read.
    query = "select * exclude (updated_at) from freelancer_raw.{} order by id"
    with connect(read_only=True) as connection:
        return {t: connection.execute(query.format(t)).fetchall() for t in TABLES}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def undisturbed(shop: Connection, instance, tmp_path_factory) -> list[Sync]:
    """Two syncs of the shop, one after the other."""
    syncs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STACK_HOME", str(tmp_path_factory.mktemp("undisturbed")))
        patch.setattr("stack.settings.env_files", tuple)
        for _ in range(2):
            result = dg.materialize([airbyte_sync_job], instance=instance)
            store = ArtifactStore(load_settings(StackSettings).artifacts)
            syncs.append(Sync(result, contents(), read_report(store, "airbyte")))
    return syncs


def sync_until(home: Path, line: str) -> subprocess.Popen:
    """A process that syncs the shop, once its log has said `line`."""
    child = StackProcess(home).start("-c", SYNC)
    for said in child.stdout:
        if line in said:
            return child
    pytest.fail(f"the sync ended without saying {line!r}")


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


def test_the_shop_is_loaded_with_all_that_a_person_wants_to_know(undisturbed):
    first, _ = undisturbed
    assert {table: len(rows) for table, rows in first.contents.items()} == {
        "shop_customers": 1000,
        "shop_products": 100,
        "shop_purchases": 1000,
    }
    checks = first.result.get_asset_check_evaluations()
    assert len(checks) == 3
    assert all(check.passed for check in checks)
    metadata = metadata_of(first)
    assert set(metadata) == {"airbyte_sync_job", *TABLES}
    assert metadata["airbyte_sync_job"]["rows_loaded"].value == 2100
    customers = metadata["shop_customers"]
    assert customers["dagster/row_count"].value == 1000
    assert customers["connector"].value == "airbyte-source-faker==7.2.1"
    assert "updated_at" in customers["state"].value
    columns = customers["dagster/column_schema"].schema.columns
    assert [(c.name, c.type) for c in columns][:2] == [("id", "bigint"), ("name", "varchar")]


def test_the_second_sync_finds_nothing_new(undisturbed):
    first, second = undisturbed
    assert second.contents == first.contents
    assert metadata_of(second)["airbyte_sync_job"]["rows_read"].value == 0
    purchases = second.report.tables["shop_purchases"]
    assert (purchases.rows_loaded, purchases.rows_total) == (0, 1000)
    assert list(second.report.set_aside()) == []


def metadata_of(sync: Sync) -> dict:
    return {
        event.asset_key.path[-1]: event.materialization.metadata
        for event in sync.result.get_asset_materialization_events()
    }


def test_a_sync_killed_in_the_middle_ends_after_a_rerun_as_if_undisturbed(
    undisturbed, stack_home, instance
):
    child = sync_until(stack_home, "shop_customers: 1,000 rows read")
    child.kill()
    child.wait()
    child.stdout.close()
    # The connector goes when nobody reads it any more.
    wait_until(lambda: not processes_in(stack_home))
    [left] = (stack_home / "scratch" / "airbyte").iterdir()

    assert dg.materialize([airbyte_sync_job], instance=instance).success
    assert contents() == undisturbed[0].contents
    assert not left.exists()


def test_an_interrupted_sync_takes_its_connector_along(shop, stack_home):
    child = sync_until(stack_home, "shop: connected, reading")
    wait_until(lambda: processes_in(stack_home))
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=300)
    assert child.returncode != 0, output
    assert not processes_in(stack_home)
    assert list((stack_home / "scratch" / "airbyte").iterdir()) == []


def failure_of(instance) -> str:
    result = dg.materialize([airbyte_sync_job], instance=instance, raise_on_error=False)
    assert not result.success
    [event] = result.get_step_failure_events()
    return str(event.step_failure_data.error_display_string)


def test_a_missing_connector_is_told_with_the_next_step(
    stack_home, instance, monkeypatch, tmp_path
):
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(tmp_path / "none"))
    assert "is not installed in" in failure_of(instance)
    assert "run `make setup`" in failure_of(instance)
