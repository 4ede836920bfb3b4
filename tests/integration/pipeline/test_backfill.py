"""`backfill_pipeline` over days, on a stack that has already run."""

import shutil
from datetime import date

import dagster as dg

from stack.settings import WarehouseSettings
from stack.warehouse import connect
from support.contents import contents

FIRST, LAST = date(2024, 3, 1), date(2024, 3, 31)
DAYS = (LAST - FIRST).days + 1


def spoil(settings: WarehouseSettings) -> None:
    """Change rows of the days, and put one in that no export has."""
    with connect(settings) as connection:
        spoilt = "update freelancer_raw.books_time_entries set minutes = 1 where worked_on"
        (rows,) = connection.execute(f"{spoilt} between ? and ?", [FIRST, LAST]).fetchone()
        assert rows > 0
        connection.execute(
            "insert into freelancer_raw.books_time_entries (time_entry_id, worked_on, minutes) "
            "values (-1, ?, 60)",
            [FIRST],
        )


def test_a_range_that_was_killed_and_run_again_is_rebuilt_by_one_run_of_each_stage(ran, stack):
    days = ("--first-day", str(FIRST), "--last-day", str(LAST))
    backfill = ("backfill_pipeline", *days, "--skip-validations")
    shutil.copytree(ran.stack.home, stack.home)
    settings = WarehouseSettings(stack_home=stack.home)
    spoil(settings)
    assert contents(settings) != contents(ran.warehouse)
    # One table is rebuilt then, the others are not.
    assert " rebuilt, " in stack.kill_when_it_prints(" rebuilt, ", *backfill)

    result = stack.run_pipeline(*backfill)

    assert result.returncode == 0, result.stdout + result.stderr
    assert contents(settings) == contents(ran.warehouse)
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        run, killed = instance.get_runs(dg.RunsFilter(job_name="backfill_pipeline"))
        assert (run.status, killed.status) == (
            dg.DagsterRunStatus.SUCCESS,
            dg.DagsterRunStatus.FAILURE,
        )
        for key in ("raw/shop_purchases", "raw/books_time_entries", "raw/books_clients"):
            asset = dg.AssetKey(key.split("/"))
            assert len(instance.get_materialized_partitions(asset)) == DAYS
        steps = [stats.step_key for stats in instance.get_run_step_stats(run.run_id)]
        assert len(steps) == len(set(steps)) == 6
        catalogued = instance.fetch_materializations(
            dg.AssetKey("datahub_metadata_ingestion"), limit=10
        )
        assert len(catalogued.records) == 2, "the first run's, and this one's"
