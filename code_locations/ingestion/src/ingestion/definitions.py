"""The ingestion code location."""

from ingestion.location import LOCATION
from stack.locations import location_definitions

defs = location_definitions(LOCATION)
