"""What the transformation stage brings."""

from stack.locations import Location
from stack.pipelines import Stage
from stack.settings import WarehouseSettings
from transformation.settings import DbtSettings

LOCATION = Location(
    stage=Stage.TRANSFORMATION, settings=[WarehouseSettings, DbtSettings], assets=[]
)
