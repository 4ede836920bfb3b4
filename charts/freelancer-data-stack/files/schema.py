"""Bring the run storage's schema up to date (`migrate`), or wait until it is (`wait`).

`migrate` ends by recording the revision in the storage itself, so that waiting pods see a complete
schema and not one in the making. A storage newer than this image's Dagster, as after a rollback,
counts as ready and is left alone: Dagster's migrations only add. The role OBSERVER, if it exists,
gets the rights to read everything, and to write what it keeps there.

Only `migrate` imports Dagster, which is slow; every pod of a release waits when it starts.
"""

from __future__ import annotations

import ast
import os
import sys
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import yaml

NOTE = "freelancer-data-stack/schema"
RESTORED = "freelancer-data-stack/restored"
# What the observer keeps: sums of metrics, and the state of messages.
KEPT = ("freelancer-data-stack/metrics", "freelancer-data-stack/messages")
LOCK = 7_201_645_301  # arbitrary, but the same in all releases of the chart


def revisions() -> tuple[str, set[str]]:
    """The newest revision of this image's Dagster, and all revisions that it knows."""
    dagster = find_spec("dagster")
    [folder] = dagster.submodule_search_locations if dagster else []
    before = dict[str, str | tuple[str, ...] | None]()
    for file in Path(folder, "_core/storage/alembic/versions").glob("[!_]*.py"):
        names = {
            statement.targets[0].id: ast.literal_eval(statement.value)
            for statement in ast.parse(file.read_text()).body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id in ("revision", "down_revision")
        }  # fmt: skip
        before[names["revision"]] = names["down_revision"]
    former = {
        one for told in before.values() for one in (told if isinstance(told, tuple) else (told,))
    }
    [latest] = before.keys() - former
    return latest, {*before}


def migrate(latest: str, known: set[str]) -> str:
    """Create or upgrade all tables, one process at a time. Returns what was done."""
    from dagster import DagsterInstance
    from sqlalchemy import text

    with DagsterInstance.get() as instance:
        storage = instance.run_storage
        with storage.connect() as connection:
            connection.execute(text(f"select pg_advisory_lock({LOCK})"))  # until it is closed
            current = storage.alembic_version()[0]
            if current is not None and current not in known:
                return f"is at {current}, newer than this image's {latest}; left as it is"
            instance.upgrade(print)
            if observer := os.environ.get("OBSERVER"):
                connection.exec_driver_sql(grants(observer))
            storage.set_cursor_values({NOTE: latest})
            return f"is at {latest}, before at {current}"


def grants(role: str) -> str:
    """Statements that give a role its rights, in one go so that it never has others in between."""
    name = '"' + role.replace('"', '""') + '"'
    kept = ", ".join(f"'{key}'" for key in KEPT)
    return f"""
        grant select on all tables in schema public to {name};
        grant insert, update on kvs to {name};
        grant usage on sequence kvs_id_seq to {name};
        alter table kvs enable row level security;
        drop policy if exists observer_reads on kvs;
        drop policy if exists observer_writes on kvs;
        create policy observer_reads on kvs for select to {name} using (true);
        create policy observer_writes on kvs to {name} using (key in ({kept}));
    """


def is_ready(latest: str, known: set[str]) -> str | None:
    """The state of the storage if it can be used, else None.

    With RESTORED in the environment, a backup must have been restored into it.
    """
    notes = values_of(NOTE, RESTORED)
    if os.environ.get("RESTORED") and not notes.get(RESTORED):
        raise RuntimeError("no backup is restored yet; the restore Job of this release does it")
    noted = notes.get(NOTE)
    return f"is at {noted}" if noted == latest or (noted and noted not in known) else None


def values_of(*keys: str) -> dict[str, str]:
    """The present ones of these values in the run storage's key-value table."""
    file = Path(os.environ["DAGSTER_HOME"], "dagster.yaml")
    told = yaml.safe_load(file.read_text())["storage"]["postgres"]["postgres_db"]
    server = psycopg2.connect(
        host=told["hostname"], port=told["port"], dbname=told["db_name"], user=told["username"],
        password=os.environ[told["password"]["env"]],
        **{"connect_timeout": 10} | (told.get("params") or {}),
    )  # fmt: skip
    with closing(server), server.cursor() as cursor:
        cursor.execute("select key, value from kvs where key = any(%s)", [list(keys)])
        return dict(cursor.fetchall())


def main(mode: str) -> int:
    """Try until it works or SCHEMA_TIMEOUT_SECONDS have passed."""
    latest, known = revisions()
    act = {"migrate": migrate, "wait": is_ready}[mode]
    deadline = time.monotonic() + float(os.environ["SCHEMA_TIMEOUT_SECONDS"])
    said = ""
    while True:
        try:
            done = act(latest, known)
            problem = f"not at {latest} yet; the schema Job of this release brings it there"
        except Exception as error:  # whatever fails is printed
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
