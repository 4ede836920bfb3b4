"""The ingestion code location."""

from ingestion.location import LOCATION
from stack.locations import build_definitions

defs = build_definitions(LOCATION)
