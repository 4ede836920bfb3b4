"""A stack whose runs are killed at one asset after the other ends like an undisturbed one."""

import dagster as dg

from stack.settings import WarehouseSettings
from support.contents import contents

# In the order of a run: each kill is the first time that a run comes so far. They are amid both
# loads, after the models, and after the validation; kills amid dbt are in ../transformation.
MARKS = (
    "shop_purchases",
    "books_time_entries",
    "▸ dbt_test",
    "▸ datahub_metadata_ingestion",
)


def test_each_run_goes_on_from_what_a_killed_one_left(ran, stack):
    stack.write_sample_data()
    for number, mark in enumerate(MARKS):
        output = stack.kill_when_it_prints(mark)
        assert mark in output
        assert "The pipeline succeeded" not in output
        assert output.count("died earlier; marked as failed") == min(number, 1)
    last = stack.run_pipeline()
    assert last.returncode == 0, last.stdout + last.stderr
    assert contents(WarehouseSettings(stack_home=stack.home)) == contents(ran.warehouse)
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        statuses = [run.status.value for run in instance.get_runs()]
    assert statuses == ["SUCCESS", *["FAILURE"] * len(MARKS)]
