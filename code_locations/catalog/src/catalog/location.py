"""What the catalog stage brings."""

from stack.locations import Location
from stack.pipelines import Stage

LOCATION = Location(stage=Stage.CATALOG, assets=[])
