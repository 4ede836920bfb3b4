"""Days as partitions: of ingested data, in runs that respect the queue's limit."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from ingestion.assets import airbyte_sync_job, dlt_ingestion_pipeline
from ingestion.location import LOCATION
from stack.locations import location_definitions
from stack.partitions import BACKFILL_POLICY, daily_partitions
from stack.settings import SettingsError, StackSettings, load_settings


def test_what_is_ingested_has_days_and_one_policy():
    for asset in (airbyte_sync_job, dlt_ingestion_pipeline):
        tables = [spec for spec in asset.specs if spec.key.path[0] == "raw"]
        assert all(spec.partitions_def == daily_partitions() for spec in tables)
        assert asset.backfill_policy == BACKFILL_POLICY
    assert BACKFILL_POLICY.max_partitions_per_run == 30


def test_days_begin_where_the_setting_says_and_end_today(stack_home, monkeypatch):
    monkeypatch.setenv("PARTITIONS_START", "2024-02-28")
    daily_partitions.cache_clear()
    try:
        keys = daily_partitions().get_partition_keys()
        assert keys[:3] == ["2024-02-28", "2024-02-29", "2024-03-01"]
        assert len(keys) == len(set(keys))
    finally:
        daily_partitions.cache_clear()
    monkeypatch.setenv("PARTITIONS_START", "yesterday")
    with pytest.raises(SettingsError, match="PARTITIONS_START: got 'yesterday'"):
        load_settings(StackSettings)


def test_a_scheduled_run_has_no_partition():
    defs = location_definitions(LOCATION)
    schedule = defs.resolve_schedule_def("daily_pipeline_schedule")
    at = datetime.now(UTC)
    with (
        dg.instance_for_test() as instance,
        dg.build_schedule_context(instance, scheduled_execution_time=at) as context,
    ):
        [request] = schedule.evaluate_tick(context).run_requests
    assert request.partition_key is None
    assert not any(tag.startswith("dagster/partition") for tag in request.tags)
