"""The ingestion's assets: each runs the loaders of its name from the registry."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from ingestion.incoming.inbox import quiet_files
from ingestion.incoming.loader import FilesLoader
from ingestion.incoming.runs import held_tables
from ingestion.load_checks import check_specs
from ingestion.loader_asset import asset_specs, loader_asset, materialise
from ingestion.registry import loaders_of
from ingestion.settings import IncomingSettings
from stack.settings import load_settings
from stack.warehouse.pool import WAREHOUSE_POOL

airbyte_sync_job = loader_asset(
    "airbyte_sync_job",
    loaders_of("airbyte_sync_job"),
    "Pulls what is new through Airbyte connectors into the raw tables.",
)
dlt_ingestion_pipeline = loader_asset(
    "dlt_ingestion_pipeline",
    loaders_of("dlt_ingestion_pipeline"),
    "Loads new and changed exports of the books, and the configured sources, with dlt.",
)


class Arrived(dg.Config):
    """A file of the batch, as the sensor saw it."""

    path: str = Field(description="path below INCOMING_URL")
    version: str = Field(description="its size and time (or ETag); a changed file is left")


class FileProcessingConfig(dg.Config):
    """Which files to load."""

    files: list[Arrived] = Field(
        [], description="the batch; none: the oldest files that nobody wrote to lately"
    )


_FILES = FilesLoader()


@dg.multi_asset(
    name=_FILES.asset,
    specs=list(
        asset_specs(
            _FILES.asset,
            [_FILES],
            "Loads arrived files into raw tables named after them, and clears them up.",
        )
    ),
    check_specs=check_specs(_FILES.asset, [_FILES]),
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def file_processing(
    context: dg.AssetExecutionContext, config: FileProcessingConfig
) -> Iterator[Any]:
    """Load the batch; tables that aren't declared are materialised as events."""
    batch = {file.path: file.version for file in config.files}
    if not batch and context.selected_asset_keys:
        held = held_tables(context.instance, but=context.run.run_id)
        batch = quiet_files(load_settings(IncomingSettings), held) if held is not None else {}
    yield from materialise(context, [_FILES], lambda _, log: _FILES.load_batch(batch, log))
