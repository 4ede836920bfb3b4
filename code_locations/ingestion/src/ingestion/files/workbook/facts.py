"""What calamine silently ignores, in any kind of workbook."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

from ingestion.files.workbook.sheet import Position, Units, Value
from ingestion.files.workbook.units import Shown


@dataclass
class Facts:
    """About a sheet: its extent, texts of errors, formulas without a stored value, shown units.

    `padded` are numbers shown with leading zeros, as text; `missed` are values that calamine drops
    or takes for days; `calculated` says whether the result of any formula can only be from a
    calculation. Only for binary workbooks: `days` are numbers shown as days or times, counted from
    `epoch`, and whether they are durations.
    """

    rows: int = 0
    columns: int = 0
    errors: dict[Position, str] = field(default_factory=dict)
    unknown: set[Position] = field(default_factory=set)
    units: Units = field(default_factory=dict)
    padded: dict[Position, str] = field(default_factory=dict)
    days: dict[Position, tuple[float, bool]] = field(default_factory=dict)
    missed: dict[Position, Value] = field(default_factory=dict)
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    calculated: bool = False
    epoch: datetime = datetime(1899, 12, 30)  # noqa: DTZ001 a sheet has no zone

    def reach(self, position: Position) -> None:
        """Note that the sheet has a value there."""
        self.rows = max(self.rows, position[0] + 1)
        self.columns = max(self.columns, position[1] + 1)

    def note(self, position: Position, shown: Shown, text: str) -> None:
        """Note how a number is shown; `text` is what is stored."""
        if shown.unit is not None:
            self.units.setdefault(position[1], {})[shown.unit] = position
        if len(text) < shown.zeros and text.isdigit():
            self.padded[position] = text.zfill(shown.zeros)

    def day(self, position: Position, value: Value) -> Value:
        """The right value of a day or time that calamine returns as `value`."""
        stored, is_duration = self.days[position]
        if isinstance(value, time) and -1 < stored < 0:
            return timedelta(days=stored)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return value
        try:
            since = timedelta(seconds=round(stored * 86_400))
            moment = self.epoch + since
        except (OverflowError, ValueError):
            return value  # the day doesn't exist
        if is_duration:
            return since
        if 0 <= stored < 1:
            return moment.time()
        return moment.date() if stored == int(stored) else moment
