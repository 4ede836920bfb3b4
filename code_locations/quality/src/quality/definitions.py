"""The quality code location."""

from quality.location import LOCATION
from stack.locations import location_definitions

defs = location_definitions(LOCATION)
