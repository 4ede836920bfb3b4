"""What the ingestion stage brings."""

from ingestion.assets import airbyte_sync_job, dlt_ingestion_pipeline, file_processing
from ingestion.freshness import freshness_of
from ingestion.github.sensor import github_release_sensor
from ingestion.health import HEALTH
from ingestion.incoming.sensor import file_arrival_sensor
from ingestion.registry import LOADERS
from ingestion.remediation import remediation_reingestion
from ingestion.retention import retention
from ingestion.settings import (
    AirbyteSettings,
    BooksSettings,
    DltSettings,
    GitHubSettings,
    IncomingSettings,
    QuarantineSettings,
)
from stack.locations import Location
from stack.pipelines import Stage
from stack.remediation.sensor import data_quality_alert_sensor
from stack.settings import RetentionSettings, WarehouseSettings

LOCATION = Location(
    stage=Stage.INGESTION,
    settings=[
        WarehouseSettings,
        RetentionSettings,
        AirbyteSettings,
        DltSettings,
        BooksSettings,
        QuarantineSettings,
        GitHubSettings,
        IncomingSettings,
    ],
    assets=[airbyte_sync_job, dlt_ingestion_pipeline],
    sensors=[github_release_sensor, data_quality_alert_sensor, file_arrival_sensor],
    special_assets=[remediation_reingestion, file_processing, retention],
    health=HEALTH,
    freshness=freshness_of(LOADERS),
)
