"""What the catalog stage brings."""

from catalog.assets import datahub_metadata_ingestion
from catalog.health import HEALTH
from catalog.settings import DataHubSettings
from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings

LOCATION = Location(
    stage=Stage.CATALOG,
    settings=[WarehouseSettings, DataHubSettings],
    assets=[datahub_metadata_ingestion],
    health=HEALTH,
    idle="catalog.idle",
)
