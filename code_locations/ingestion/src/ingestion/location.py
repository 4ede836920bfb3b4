"""What the ingestion stage brings."""

from ingestion.airbyte.assets import airbyte_checks, airbyte_sync_job
from ingestion.books.assets import dlt_ingestion_pipeline
from ingestion.books.checks import books_checks
from ingestion.github.sensor import github_release_sensor
from ingestion.health import HEALTH
from ingestion.incoming.assets import file_processing
from ingestion.incoming.checks import files_checks
from ingestion.incoming.sensor import file_arrival_sensor
from ingestion.remediation.assets import remediation_reingestion
from ingestion.settings import (
    AirbyteSettings,
    BooksSettings,
    DltSettings,
    GitHubSettings,
    IncomingSettings,
)
from stack.locations import Location
from stack.pipelines import Stage
from stack.remediation.sensor import data_quality_alert_sensor
from stack.settings import WarehouseSettings

LOCATION = Location(
    stage=Stage.INGESTION,
    settings=[
        WarehouseSettings,
        AirbyteSettings,
        DltSettings,
        BooksSettings,
        GitHubSettings,
        IncomingSettings,
    ],
    assets=[airbyte_sync_job, dlt_ingestion_pipeline],
    checks=[airbyte_checks, books_checks, files_checks],
    sensors=[github_release_sensor, data_quality_alert_sensor, file_arrival_sensor],
    special_assets=[remediation_reingestion, file_processing],
    health=HEALTH,
)
