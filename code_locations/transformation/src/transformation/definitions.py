"""The transformation code location."""

from stack.locations import build_definitions
from transformation.location import LOCATION

defs = build_definitions(LOCATION)
