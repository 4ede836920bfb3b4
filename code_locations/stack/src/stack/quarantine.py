"""What waits in the quarantine, shared by its writer, ingestion, and its readers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from stack.artifacts import Artifact
from stack.load_report import SetAside
from stack.paths import default_home
from stack.settings import Settings


class QuarantinePlace(Settings):
    """Base settings of whatever writes or reads it."""

    stack_home: Path = Field(default_factory=default_home)
    quarantine_url: str | None = Field(
        None,
        description="fsspec URL of files and records that can't be loaded, each with its reason; "
        "default: STACK_HOME/quarantine",
    )

    @property
    def quarantine(self) -> str:
        """fsspec URL of the quarantine."""
        return self.quarantine_url or str(self.stack_home / "quarantine")


class Entry(Artifact, extra="forbid"):
    """A file or some records that were set aside.

    `path` is the input as people know it: a file's path below its folder, or a stream. `place` is
    the URL of what was kept.
    """

    id: str
    loader: str
    kind: Literal["file", "records"]
    path: str
    table: str = ""
    reason: str
    records: int | None = None
    place: str
    at: datetime
    next_step: str = ""

    @property
    def command(self) -> str:
        """The command that loads it again, once it is fixed."""
        return put_back(self.id)

    def told(self) -> SetAside:
        """The same, as a load's report has it."""
        return SetAside(reason=self.reason, records=self.records, where=self.place, entry=self.id)


def put_back(id_: str) -> str:
    """The command that loads an entry again."""
    return f"stack quarantine put-back {id_}"
