"""What the quality stage brings."""

from quality.settings import GreatExpectationsSettings
from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings

LOCATION = Location(
    stage=Stage.QUALITY, settings=[WarehouseSettings, GreatExpectationsSettings], assets=[]
)
