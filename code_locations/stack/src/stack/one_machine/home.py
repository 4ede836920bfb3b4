"""DAGSTER_HOME of the one-machine stack: `STACK_HOME/dagster`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import dagster as dg

from stack.errors import StackError
from stack.files import keep_file
from stack.paths import checkout_root
from stack.run_storage import require_answer
from stack.settings import StackSettings

# The URL stays in the environment: the file holds no password.
POSTGRES_STORAGE = """
storage:
  postgres:
    postgres_url:
      env: DAGSTER_POSTGRES_URL
"""

DAGSTER_FOLDER = "dagster"
# A key in the run storage: the id of the backup that is being restored there.
RESTORING = "freelancer-data-stack/restoring"
_may_be_restoring = ContextVar("may_be_restoring", default=False)


class HomeError(StackError):
    """DAGSTER_HOME can't be prepared."""


@contextmanager
def open_instance(settings: StackSettings) -> Iterator[dg.DagsterInstance]:
    """The instance of this STACK_HOME, also set as DAGSTER_HOME for the process.

    Raises HomeError, also where a backup is half restored, except in `while_restoring`.
    """
    os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
    if settings.dagster_postgres_url is not None:
        _require_answer(settings.dagster_postgres_url.get_secret_value())
    with dg.DagsterInstance.get() as instance:
        _require_whole(instance)
        yield instance


@contextmanager
def while_restoring() -> Iterator[None]:
    """Within the block, a half-restored instance can be opened."""
    token = _may_be_restoring.set(True)
    try:
        yield
    finally:
        _may_be_restoring.reset(token)


def _require_whole(instance: dg.DagsterInstance) -> None:
    found = instance.run_storage.get_cursor_values({RESTORING}).get(RESTORING)
    if found and not _may_be_restoring.get():
        raise HomeError(
            "this stack",
            found="a backup that was not restored to its end",
            next_step="run the same `stack restore` again",
        )


def _require_answer(url: str) -> None:
    import sqlalchemy as sa

    try:
        require_answer(url)
    except sa.exc.SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise HomeError(
            "DAGSTER_POSTGRES_URL",
            found=f"no Postgres that lets us in: {said}",
            next_step="start it or correct the URL, or unset it to keep runs in SQLite files",
        ) from None


def prepare_dagster_home(settings: StackSettings, template: Path | None = None) -> Path:
    """Write `dagster.yaml` for these settings and return the folder, ready as DAGSTER_HOME.

    The file is the checkout's `dagster.yaml` (or `template`), with run storage on Postgres when
    DAGSTER_POSTGRES_URL is set, which is then put into this process's environment too. Raises
    HomeError without a template.
    """
    root = checkout_root()
    source = template or (root / "dagster.yaml" if root else None)
    if source is None or not source.is_file():
        raise HomeError("dagster.yaml is not found: run from a checkout of the repository")
    home = (settings.stack_home / DAGSTER_FOLDER).resolve()
    home.mkdir(parents=True, exist_ok=True)
    content = source.read_text()
    if settings.dagster_postgres_url is not None:
        content += POSTGRES_STORAGE
        # Dagster reads only the environment; the setting may come from .env.
        url = settings.dagster_postgres_url.get_secret_value()
        os.environ.setdefault("DAGSTER_POSTGRES_URL", url)
    keep_file(home / "dagster.yaml", content)
    return home
