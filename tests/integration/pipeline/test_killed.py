"""A run that is killed at any asset, then started again, ends like an undisturbed one."""

import os
import signal

import dagster as dg
import pytest

from stack.settings import WarehouseSettings
from support.contents import contents


def kill_when_it_prints(stack, mark: str) -> str:
    """Run the daily pipeline and SIGKILL all its processes when a line has `mark`."""
    process = stack.start("-u", "-m", "code_locations.run")
    seen = []
    for line in process.stdout:
        seen.append(line)
        if mark in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    process.stdout.close()
    return "".join(seen)


@pytest.mark.parametrize(
    "mark",
    [
        "shop_purchases",
        "books_time_entries",
        "▸ dbt_run",
        "▸ dbt_test",
        "▸ great_expectations_validation",
        "▸ datahub_metadata_ingestion",
    ],
)
def test_the_next_run_ends_with_the_same_tables(ran, stack, mark):
    stack.write_sample_data()
    output = kill_when_it_prints(stack, mark)
    assert mark in output
    assert "The pipeline succeeded" not in output
    again = stack.run_pipeline()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "died earlier; marked as failed" in again.stdout
    assert contents(WarehouseSettings(stack_home=stack.home)) == contents(ran.warehouse)
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS", "FAILURE"]
