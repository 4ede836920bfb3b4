"""The quality code location."""

from quality.location import LOCATION
from stack.locations import build_definitions

defs = build_definitions(LOCATION)
