"""The catalog code location."""

from catalog.location import LOCATION
from stack.locations import location_definitions

defs = location_definitions(LOCATION)
