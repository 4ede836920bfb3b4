"""How a backup describes itself: at its beginning what it is, at its end what is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

BEGINNING, END = "backup.json", "contents.json"

RunsKind = Literal["sqlite", "postgresql"]
WarehouseKind = Literal["duckdb", "ducklake-sqlite", "ducklake-postgresql"]


class Manifest(BaseModel):
    """`schema_revision`: of Dagster's tables; `database`: the warehouse's name in views."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    id: str = Field(pattern="^[0-9a-f]{32}$")
    made_at: datetime
    dagster: str
    duckdb: str
    runs: RunsKind
    schema_revision: str
    warehouse: WarehouseKind
    database: str
    folders: tuple[str, ...]


class Member(BaseModel):
    """A file of a backup; `sha256` in hexadecimal digits."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class Contents(BaseModel):
    """The last file: a backup without it was cut off. `left_out`: a reason for each path."""

    members: dict[str, Member] = {}
    left_out: dict[str, str] = {}

    def sizes(self, folder: str) -> list[int]:
        """Bytes of each file below `folder`."""
        below = f"{folder}/"
        return [member.size for name, member in self.members.items() if name.startswith(below)]
