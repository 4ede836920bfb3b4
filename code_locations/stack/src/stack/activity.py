"""Who read which tables, and what loads changed: an append-only log.

On a disk a day is `<ARTIFACTS_URL>/activity/<day>.jsonl`. An object store can't append, so there
each writer leaves a file of its own in `activity/<day>/`. Usage isn't worth a failure: entries that
can't be written are lost, with a line in the log.
"""

from __future__ import annotations

import getpass
import logging
import os
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from stack.errors import reason
from stack.outage import is_interruption
from stack.patience import impatient
from stack.settings import StackSettings
from stack.sql_reads import Table
from stack.storage import filesystem

FOLDER = "activity"
# The user behind what the stack does by itself.
DAGSTER = "dagster"
_log = logging.getLogger(__name__)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: datetime
    run_id: str = ""

    @property
    def day(self) -> date:
        """The UTC day that it belongs to."""
        return self.at.astimezone(UTC).date()


class Read(_Entry):
    """Queries that read `tables`, each `schema.table`; `count` of them.

    `by` is what ran them: query, dbt_run, dbt_test, great_expectations. `statement` is empty where
    it says nothing about the reader, as with dbt.
    """

    kind: Literal["read"] = "read"
    user: str
    by: str
    tables: tuple[str, ...]
    count: int = 1
    statement: str = ""
    columns: tuple[str, ...] = ()


class Change(_Entry):
    """What a load or a run of dbt did to a table; `rows` is how many changed, None if unknown.

    `table` is written as in asset keys: raw.books_clients, marts.cash_in. `how` is create for a
    table that was rebuilt, else load. `removed` rows are marked as such, and still there.
    """

    kind: Literal["change"] = "change"
    table: str
    by: str
    how: Literal["load", "create"] = "load"
    rows: int | None = None
    inserted: int | None = None
    updated: int | None = None
    removed: int | None = None
    seconds: float | None = None


Entry = Read | Change


class _Line(RootModel[Read | Change]):
    root: Read | Change = Field(discriminator="kind")


class ActivityLog:
    """Appends to the log at a fsspec URL, that of the artifacts, and reads it."""

    def __init__(self, artifacts_url: str) -> None:
        self.url = f"{artifacts_url.rstrip('/')}/{FOLDER}"

    def append(self, entries: Iterable[Entry], log: logging.Logger | None = _log) -> None:
        """Add entries; where that fails they are lost, and `log`, if any, gets a warning."""
        days: dict[date, list[Entry]] = {}
        for entry in entries:
            days.setdefault(entry.day, []).append(entry)
        for day, found in days.items():
            lines = "\n".join(entry.model_dump_json(exclude_none=True) for entry in found)
            try:
                with impatient():
                    self._write(day, lines.encode())
            except Exception as error:  # a full or read-only disk, a store that is away, …
                if is_interruption(error):
                    raise
                if log is not None:
                    log.warning(f"{self.url}/{day} can't be written: {reason(error)}")

    def since(self, day: date) -> Iterator[Entry]:
        """Entries of this day and later, in order of days. Unreadable lines are skipped."""
        fs, root = filesystem(self.url)
        try:
            found = {str(path).removeprefix(f"{root}/"): str(path) for path in fs.find(root)}
        except FileNotFoundError:
            return
        wanted = [found[name] for name in sorted(found) if name[:10] >= day.isoformat()]
        contents = fs.cat(wanted, on_error="return") if wanted else {}
        for path, content in contents.items():
            if isinstance(content, OSError):
                _log.warning(f"{path} can't be read: {reason(content)}")
                continue
            if isinstance(content, Exception):
                raise content
            for line in content.splitlines():
                if line.strip():
                    try:
                        yield _Line.model_validate_json(line).root
                    except ValidationError:  # cut off by a full disk
                        _log.warning(f"{path} has a line that is no entry")

    def _write(self, day: date, lines: bytes) -> None:
        fs, root = filesystem(self.url)
        if "file" not in fs.protocol:
            fs.pipe_file(f"{root}/{day}/{uuid.uuid4().hex}.jsonl", lines)
            return
        fs.makedirs(root, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        file = os.open(f"{root}/{day}.jsonl", flags, 0o666)
        try:
            # One call, so that no other writer comes between. The leading newline is there in case
            # the previous writer was cut off.
            os.write(file, b"\n" + lines + b"\n")
        finally:
            os.close(file)


def reads_of_tables(queries: Iterable[Iterable[Table]], by: str, run_id: str) -> list[Read]:
    """What the stack itself has just read: each query as the tables that it names."""
    counts = Counter(
        tuple(sorted({f"{schema}.{table}" for _, schema, table in query if schema}))
        for query in queries
    )
    now = datetime.now(UTC)
    return [
        Read(at=now, run_id=run_id, user=DAGSTER, by=by, tables=tables, count=count)
        for tables, count in sorted(counts.items())
        if tables
    ]


def day_of(name: str) -> date | None:
    """The day of a log file, from its path below the folder; None if it is no log file."""
    try:
        return date.fromisoformat(name[:10])
    except ValueError:
        return None


def log_query(stack: StackSettings, sql: str) -> None:
    """Record a person's query as QUERY_LOG asks. Never raises or prints."""
    if stack.query_log == "off":
        return
    from stack.sql_shape import shape_of

    with suppress(Exception):  # the person has the answer, and that is what counts
        if (shape := shape_of(sql)) and shape.tables:
            read = Read(
                at=datetime.now(UTC),
                user=person(),
                by="query",
                tables=shape.tables,
                statement=sql.strip() if stack.query_log == "with_values" else shape.statement,
                columns=shape.columns,
            )
            ActivityLog(stack.artifacts).append([read], log=None)


def person() -> str:
    """The login that runs this process; `unknown` where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
