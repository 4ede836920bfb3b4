"""The transformation code location."""

from stack.locations import location_definitions
from transformation.location import LOCATION

defs = location_definitions(LOCATION)
