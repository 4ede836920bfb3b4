"""Judges facts: what is wrong now, each thing once, and what follows from what."""

from observability.incidents.found.all_of_it import findings, kinds_looked_at
from observability.incidents.found.of_runs import silent_daemons

__all__ = ["findings", "kinds_looked_at", "silent_daemons"]
