"""What was set aside, in Dagster's UI: one table for all loaders.

A row per file, or per record of a file or stream. The table is bounded, and says how many more
there are and which command lists them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import dagster as dg

from ingestion.quarantine import RECORDS_SHOWN, Quarantine
from ingestion.settings import QuarantineSettings
from stack.errors import one_line
from stack.load_report import InputReport, LoadReport, SetAside
from stack.quarantine import Entry
from stack.settings import load_settings

MOST_ROWS = 100
_REASON_CHARACTERS = 300
# The UI's panels are narrow: the most important columns come first.
_COLUMNS = {
    "input": "file, stream or endpoint",
    "line": "line of the file, or record of the stream; empty: the input as a whole",
    "reason": None,
    "put back": "the command that loads it again once it is mended",
    "table": "the raw table that it was for",
    "loader": None,
    "when": "when it was first set aside, UTC",
    "kept at": "where it is, to be mended",
}
_Cells = tuple[str, str, str, str, str, str, str, str]


@dataclass(frozen=True)
class Desk:
    """What waits in the quarantine of some loaders."""

    quarantine: Quarantine
    waiting: tuple[Entry, ...]

    @classmethod
    def of(cls, loaders: Collection[str]) -> Desk:
        """The quarantine as it is now."""
        quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)
        return cls(quarantine, tuple(quarantine.entries(loaders)))

    def waiting_table(self) -> dg.TableMetadataValue:
        """Everything that waits, including entries of earlier loads."""
        return _table((e.records or 1, _rows_of(self.quarantine, e)) for e in self.waiting)

    def set_aside_table(self, reports: Iterable[LoadReport]) -> dg.TableMetadataValue:
        """What loads set aside."""
        known = {entry.id: entry for entry in self.waiting}
        parts = ((report.loader, *part) for report in reports for part in report.set_aside())
        return _table(
            (
                part.records or 1,
                _rows_of(self.quarantine, known[part.entry])
                if part.entry in known
                else iter([_told(loader, found, part)]),
            )
            for loader, found, part in parts
        )


def _rows_of(quarantine: Quarantine, entry: Entry) -> Iterator[_Cells]:
    """The entry, one row per record if it has records."""
    when = entry.at.strftime("%Y-%m-%d %H:%M")
    count, shown = entry.records or 1, 0

    def cells(place: str, reason: str) -> _Cells:
        told = one_line(reason, _REASON_CHARACTERS)
        about = (entry.table, entry.loader, when, entry.place)
        return (entry.path, place, told, entry.command, *about)

    for record in islice(quarantine.records(entry), RECORDS_SHOWN):
        yield cells(record.place, record.reason)
        shown += 1
    if not shown:
        yield cells("", entry.reason)
    elif count > shown:
        yield cells("", f"and {count - shown:,} more of it: stack quarantine show {entry.id}")


def _told(loader: str, found: InputReport, part: SetAside) -> _Cells:
    """A part that has no entry, or none that is still waiting."""
    many = f"{part.records:,} records" if (part.records or 1) > 1 else ""
    put_back = "it was settled since" if part.entry else "nothing to do"
    reason = one_line(part.reason, _REASON_CHARACTERS)
    return (found.name, many, reason, put_back, found.table, loader, "", part.where)


def _table(inputs: Iterable[tuple[int, Iterator[_Cells]]]) -> dg.TableMetadataValue:
    """A table of inputs, each with its number of records; reads only as many as are shown."""
    rows: list[_Cells] = []
    more = 0
    for count, found in inputs:
        if len(rows) < MOST_ROWS:
            rows += found
        else:
            more += count
    if more:
        rows.append(("", "", f"and {more:,} more: stack quarantine", "", "", "", "", ""))
    columns = [dg.TableColumn(name, description=told) for name, told in _COLUMNS.items()]
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(_COLUMNS, cells, strict=True))) for cells in rows],
        schema=dg.TableSchema(columns),
    )
