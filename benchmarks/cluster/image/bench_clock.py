"""Records when a run's process reaches certain imports.

A `.pth` file imports this first in every process; only a container's first process writes.
"""

import os
import sys
import time

FILE = "/tmp/bench-clock"
# The storage is imported after the instance's file is read, when all of `dagster` is loaded.
WATCHED = {"dagster", "dagster_postgres", "bench_jobs"}


def note(name: str) -> None:
    """Write the time beside the name."""
    with open(FILE, "a") as file:  # noqa: PTH123 (pathlib takes 10 ms to import)
        file.write(f"{name} {time.time()}\n")


class Clock:
    """A finder that finds nothing, but records when a watched module is looked for."""

    def __init__(self) -> None:
        self._waiting = set(WATCHED)

    def find_spec(self, name: str, *_: object) -> None:
        """Called by every import."""
        if name in self._waiting:
            self._waiting.discard(name)
            note(name)


if os.getpid() == 1:
    note("interpreter")
    sys.meta_path.insert(0, Clock())
