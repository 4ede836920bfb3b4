"""A stack whose runs are killed at each asset in turn ends like an undisturbed one."""

import subprocess

import dagster as dg

from stack.settings import WarehouseSettings
from support.contents import contents
from support.later_shop import later_shop
from support.stack_process import ROOT

# In the order of a run: amid both loads, after the models, and after the validation; kills amid
# dbt are in ../transformation. Each run begins where the last one was killed, or before.
KILLS = (
    ("shop_purchases", "daily_data_pipeline"),
    ("books_time_entries", "daily_data_pipeline"),
    ("▸ dbt_test", "transformation_pipeline"),
    ("▸ datahub_metadata_ingestion", "daily_data_pipeline"),
)


def test_each_run_goes_on_from_what_a_killed_one_left_and_the_last_has_nothing_new(
    ran, stack, tmp_path
):
    stack.environment = later_shop(tmp_path / "connectors")
    stack.write_sample_data()
    for number, (mark, pipeline) in enumerate(KILLS):
        output = stack.kill_when_it_prints(mark, pipeline)
        assert mark in output
        assert "The pipeline succeeded" not in output
        assert output.count("died earlier; marked as failed") == min(number, 1)
    last = subprocess.run(
        ["make", "run"], cwd=ROOT, env=stack.env(), capture_output=True, text=True, timeout=1200,
        check=False,
    )  # fmt: skip
    assert last.returncode == 0, last.stdout + last.stderr
    assert "Nothing new in the sources" in last.stdout
    assert contents(WarehouseSettings(stack_home=stack.home)) == contents(ran.warehouse)
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        statuses = [run.status.value for run in instance.get_runs()]
    assert statuses == ["SUCCESS", *["FAILURE"] * len(KILLS)]
