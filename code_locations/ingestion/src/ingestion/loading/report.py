"""What a load did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableReport:
    """One raw table's part of a load.

    `rows_loaded` counts the rows of the files, `rows_total` the table's rows afterwards.
    """

    table_name: str
    rows_loaded: int
    rows_total: int
    duration_s: float
    columns_added: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadReport:
    """What a load did, by table name; tables that got no file are not in it."""

    tables: dict[str, TableReport] = field(default_factory=dict)
    duration_s: float = 0.0
