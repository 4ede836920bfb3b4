"""The names in the customer's documents exist, merged and over the four locations."""

import importlib

import pytest

from code_locations.definitions import defs as merged
from scripts.env_example import settings_classes
from stack.options import RESOURCE, RunOptions
from stack.pipelines import EMERGENCY, Stage

ASSETS = {
    "airbyte_sync_job": "ingestion",
    "dlt_ingestion_pipeline": "ingestion",
    "dbt_run": "transformation",
    "dbt_test": "transformation",
    "great_expectations_validation": "quality",
    "datahub_metadata_ingestion": "catalog",
}
UPSTREAM = {
    "dbt_run": {"airbyte_sync_job", "dlt_ingestion_pipeline"},
    "dbt_test": {"dbt_run"},
    "great_expectations_validation": {"dbt_test"},
    "datahub_metadata_ingestion": {"dbt_test", "great_expectations_validation"},
}
JOBS = {
    "daily_data_pipeline",
    "incremental_sync_pipeline",
    "transformation_pipeline",
    "data_quality_pipeline",
    "release_triggered_pipeline",
    "emergency_data_refresh",
    "pipeline_monitoring",
    "data_quality_remediation_pipeline",
    "file_processing_pipeline",
    "backfill_pipeline",
    "retention_pipeline",
}
SCHEDULES = {
    "daily_pipeline_schedule": "0 2 * * *",
    "incremental_sync_schedule": "0 */6 * * *",
    "monitoring_schedule": "*/15 * * * *",
    "retention_schedule": "30 4 * * *",
}
OPTIONS = {"skip_validations", "force_full_refresh", "target_models"}
ENVIRONMENT = {
    *("DAGSTER_ENV", "DAGSTER_POSTGRES_URL"),
    *("AIRBYTE_HOST", "AIRBYTE_PORT", "AIRBYTE_CONNECTION_ID"),
    *("DLT_PIPELINE_NAME", "DLT_DESTINATION", "DLT_DATASET_NAME"),
    *("DBT_PROJECT_DIR", "DBT_PROFILES_DIR", "DBT_TARGET"),
    *("GE_PROJECT_DIR", "GE_CHECKPOINT_NAME"),
    *("DATAHUB_GMS_URL", "DATAHUB_GMS_TOKEN"),
    *("GITHUB_REPO", "GITHUB_TOKEN"),
}
SENSORS = {"github_release_sensor", "data_quality_alert_sensor", "file_arrival_sensor"}


def repositories(arrangement: str) -> list:
    if arrangement == "merged":
        return [merged.get_repository_def()]
    modules = [importlib.import_module(f"{stage}.definitions") for stage in Stage]
    return [module.defs.get_repository_def() for module in modules]


@pytest.fixture(params=["merged", "four locations"])
def held(request) -> list:
    return repositories(request.param)


def test_the_six_assets_are_in_their_groups_with_their_dependencies(held):
    nodes = {
        node.key.to_user_string(): node
        for repository in held
        for node in repository.asset_graph.asset_nodes
        if node.is_materializable
    }
    for name, group in ASSETS.items():
        assert nodes[name].group_name == group
        parents = {key.to_user_string() for key in nodes[name].parent_keys}
        assert parents & set(ASSETS) == UPSTREAM.get(name, set())


def test_every_job_exists(held):
    names = {job.name for repository in held for job in repository.get_all_jobs()}
    assert names >= JOBS


def test_every_schedule_has_its_cron_in_utc(held):
    found = {s.name: s for repository in held for s in repository.schedule_defs}
    assert {name: found[name].cron_schedule for name in SCHEDULES} == SCHEDULES
    assert {found[name].execution_timezone for name in SCHEDULES} == {"UTC"}


def test_every_sensor_exists(held):
    names = {sensor.name for repository in held for sensor in repository.sensor_defs}
    assert names >= SENSORS


def test_the_emergency_refresh_takes_its_options_in_every_slice(held):
    assert RunOptions.model_fields.keys() >= OPTIONS
    jobs = [j for r in held for j in r.get_all_jobs() if j.name == EMERGENCY.name]
    assert len(jobs) == len(held)
    assert all(RESOURCE in job.resource_defs for job in jobs)


def test_every_variable_is_read():
    assert {n.upper() for cls in settings_classes() for n in cls.model_fields} >= ENVIRONMENT
