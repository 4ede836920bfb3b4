"""Load reports in a form that tests can compare easily."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stack.load_report import InputReport, LoadReport, Outcome

if TYPE_CHECKING:
    from ingestion.airbyte.sync import Synced

OUTCOMES = {"loaded": "complete", "partly": "checkpoint", "failed": "discarded"}


class Told:
    """A report, with its inputs by outcome."""

    def __init__(self, report: LoadReport) -> None:
        assert report.unaccounted() == {}, "records in = loaded + merged away + set aside"
        self.report = report
        self.tables = report.tables
        self.unchanged = report.unchanged
        self.failed = {failed.source: failed.reason for failed in report.failures}
        self.quarantined = self._reasons(Outcome.SET_ASIDE)
        self.left = self._reasons(Outcome.LEFT)
        self.again = list(self._reasons(Outcome.AGAIN))
        loaded = [found for found in report.inputs if found.outcome is Outcome.LOADED]
        self.empty = [found.name for found in loaded if not found.records]
        self.files: dict[str, list[str]] = {}
        self.rows: dict[str, int] = {}
        self.merged_away: dict[str, int] = {}
        for found in loaded:
            self._add(found)
        self.columns_added = {
            name: [(column.name, column.type, column.input) for column in table.columns_added]
            for name, table in report.tables.items()
            if table.columns_added
        }

    def _reasons(self, outcome: Outcome) -> dict[str, str]:
        return {i.name: i.reason for i in self.report.inputs if i.outcome is outcome}

    def _add(self, found: InputReport) -> None:
        self.files.setdefault(found.table, []).append(found.name)
        self.rows[found.table] = self.rows.get(found.table, 0) + found.loaded
        merged = self.merged_away.get(found.table, 0) + found.merged_away
        self.merged_away[found.table] = merged


@dataclass(frozen=True)
class StreamTold:
    """What became of a stream, and of its table."""

    stream: str
    table_name: str
    outcome: str
    rows_read: int | None
    rows_loaded: int
    rows_total: int | None
    bytes_read: int | None
    state: str
    columns_added: tuple[str, ...]
    facts: dict[str, Any]


def streams_of(synced: Synced) -> list[StreamTold]:
    """What a sync did with each stream."""
    told = []
    for found in synced.inputs:
        assert found.missing == 0, f"{found.name}: records in = loaded + merged away + set aside"
        table = synced.tables[found.table]
        assert table.missing == 0
        told.append(
            StreamTold(
                found.name.partition(".")[2],
                found.table,
                OUTCOMES[found.outcome],
                found.facts.get("rows_seen", found.records),
                found.loaded,
                table.rows_total,
                found.bytes,
                found.state,
                tuple(column.name for column in table.columns_added),
                found.facts,
            )
        )
    return told
