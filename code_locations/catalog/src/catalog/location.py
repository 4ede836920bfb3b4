"""What the catalog stage brings."""

from catalog.settings import DataHubSettings
from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings

LOCATION = Location(stage=Stage.CATALOG, settings=[WarehouseSettings, DataHubSettings], assets=[])
