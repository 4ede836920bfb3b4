"""What the transformation stage brings."""

from stack.locations import Location
from stack.pipelines import Stage

LOCATION = Location(stage=Stage.TRANSFORMATION, assets=[])
