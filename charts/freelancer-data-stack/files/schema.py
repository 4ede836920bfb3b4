"""Bring the run storage's schema up to date (`migrate`), or wait until it is (`wait`).

`migrate` ends by noting the revision in the storage itself, so that whoever waits sees a schema
that is complete, not one in the making. A storage that is newer than this image's Dagster, as
after a rollback, is left alone and taken as ready: Dagster's migrations add, they don't remove.
"""

from __future__ import annotations

import os
import sys
import time

import dagster_postgres.run_storage
from alembic.script import ScriptDirectory
from dagster import DagsterInstance
from dagster_postgres.utils import pg_alembic_config
from sqlalchemy import text

NOTE = "freelancer-data-stack/schema"
RESTORED = "freelancer-data-stack/restored"
LOCK = 7_201_645_301  # any number; the same in all releases of the chart


def revisions() -> tuple[str, set[str]]:
    """The newest revision of this image's Dagster, and all that it knows."""
    script = ScriptDirectory.from_config(pg_alembic_config(dagster_postgres.run_storage.__file__))
    return script.as_revision_number("head"), {r.revision for r in script.walk_revisions()}


def migrate(latest: str, known: set[str]) -> str:
    """Make or upgrade all tables, one process at a time. Returns what was done."""
    with DagsterInstance.get() as instance:
        storage = instance.run_storage
        with storage.connect() as connection:
            connection.execute(text(f"select pg_advisory_lock({LOCK})"))  # until it is closed
            current = storage.alembic_version()[0]
            if current is not None and current not in known:
                return f"is at {current}, newer than this image's {latest}; left as it is"
            instance.upgrade(print)
            storage.set_cursor_values({NOTE: latest})
            return f"is at {latest}, before at {current}"


def is_ready(latest: str, known: set[str]) -> str | None:
    """What the storage is at if it can be used, else None.

    With RESTORED in the environment it can be used once a backup was restored into it.
    """
    with DagsterInstance.get() as instance:
        notes = instance.run_storage.get_cursor_values({NOTE, RESTORED})
    if os.environ.get("RESTORED") and not notes.get(RESTORED):
        raise RuntimeError("no backup is restored yet; the restore Job of this release does it")
    noted = notes.get(NOTE)
    return f"is at {noted}" if noted == latest or (noted and noted not in known) else None


def main(mode: str) -> int:
    """Try until it works or SCHEMA_TIMEOUT_SECONDS are over."""
    latest, known = revisions()
    act = {"migrate": migrate, "wait": is_ready}[mode]
    deadline = time.monotonic() + float(os.environ["SCHEMA_TIMEOUT_SECONDS"])
    said = ""
    while True:
        try:
            done = act(latest, known)
            problem = f"not at {latest} yet; the schema Job of this release brings it there"
        except Exception as error:  # what fails is not known beforehand, and is said
            done, problem = None, (str(error.__cause__ or error).strip() or repr(error))
            problem = problem.splitlines()[0]
        if done:
            print(f"schema: the run storage {done}", flush=True)
            return 0
        if problem != said:
            print(f"schema: waiting: {problem}", flush=True)
            said = problem
        if time.monotonic() > deadline:
            print(f"schema: gave up: {problem}; look at Postgres and the schema Job", flush=True)
            return 1
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
