"""The catalog code location."""

from catalog.location import LOCATION
from stack.locations import build_definitions

defs = build_definitions(LOCATION)
