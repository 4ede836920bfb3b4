"""All four code locations merged in one process: `dagster dev -f code_locations/definitions.py`."""

from catalog.assets import datahub_metadata_ingestion
from catalog.location import LOCATION as CATALOG
from ingestion.assets import airbyte_sync_job, dlt_ingestion_pipeline
from ingestion.location import LOCATION as INGESTION
from quality.assets import great_expectations_validation
from quality.location import LOCATION as QUALITY
from stack.locations import merged_definitions
from transformation.assets import dbt_run, dbt_test
from transformation.location import LOCATION as TRANSFORMATION

__all__ = [
    "airbyte_sync_job",
    "datahub_metadata_ingestion",
    "dbt_run",
    "dbt_test",
    "defs",
    "dlt_ingestion_pipeline",
    "great_expectations_validation",
]

defs = merged_definitions(INGESTION, TRANSFORMATION, QUALITY, CATALOG)
