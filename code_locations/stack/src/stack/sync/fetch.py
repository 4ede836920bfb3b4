"""Fetches a run's state into its pod: `python -m stack.sync.fetch LOCATION DIGEST`."""

from __future__ import annotations

import sys

from stack.errors import StackError
from stack.settings import StackSettings, load_settings
from stack.sync.states import states_of
from stack.sync.store import StateStore


def main() -> int:
    """Exit code 1, with one line, if the state can't be had."""
    location, digest = sys.argv[1:]
    settings = load_settings(StackSettings)
    try:
        packed = StateStore(settings.artifacts, location).get(digest)
        states_of(settings).restore(digest, packed)
    except (StackError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
