"""Sheets of .ods: typed values, in the attributes of cells."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from xml.parsers import expat

from ingestion.files.currencies import one_unit
from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook.container import feed, opened, read_through
from ingestion.files.workbook.sheet import (
    Position,
    Row,
    Sheet,
    Units,
    Value,
    address,
    addresses,
    number,
    too_large,
    trimmed,
)

_CONTENT = "content.xml"
_DAY = timedelta(days=1)
_DURATION = re.compile(
    r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?", re.ASCII
)
_DAY_SHOWN = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}\.?", re.ASCII)
_EPOCH = date(1899, 12, 30)
_LAST_DAY = 2_958_466
_MICROSECOND = re.compile(r"(\.\d{6})\d+")
# Comments, pictures, and tables that aren't sheets.
_SKIPPED = {
    "office:annotation",
    "draw:custom-shape",
    "draw:frame",
    "draw:g",
    "table:dde-links",
    "table:shapes",
    "table:tracked-changes",
}


def sheets(path: Path) -> list[Sheet]:
    """Every sheet, with repeated cells and rows expanded."""
    with opened(path) as archive:
        for part in archive.namelist():
            if part != _CONTENT and not part.startswith(("Pictures/", "Thumbnails/")):
                read_through(archive, part)
        reader = _Reader()
        feed(archive, _CONTENT, reader.parser)
    if not reader.is_spreadsheet:
        raise UnreadableFileError("it is an OpenDocument file, but no spreadsheet")
    return reader.sheets


class _Reader:
    """Walks through content.xml."""

    def __init__(self) -> None:
        self.sheets: list[Sheet] = []
        self.is_spreadsheet = False
        self._hidden_styles: set[str] = set()
        self._style = self._name = ""
        self._visible, self._external, self._tables = True, False, 0
        self._rows: list[Row] = []
        self._unknown: set[Position] = set()
        self._units: Units = {}
        self._merged: list[tuple[int, int, int]] = []
        self._row = self._repeated_row = self._columns = 0
        self._cells: list[Value] = []
        self._column = 0
        self._cell: dict[str, str] = {}
        self._paragraphs: list[list[str]] = []
        self._depth = self._skipped = 0
        parser = expat.ParserCreate()
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        self.parser = parser

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped or name in _SKIPPED:
            self._skipped += 1
            self.parser.CharacterDataHandler = None
        elif name in _STARTS:
            _STARTS[name](self, attributes)

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            if not self._skipped and self._depth:
                self.parser.CharacterDataHandler = self._text
        elif name in _ENDS:
            _ENDS[name](self)

    def _text(self, text: str) -> None:
        self._paragraphs[-1].append(text)

    def _spreadsheet(self, _: dict[str, str]) -> None:
        self.is_spreadsheet = True

    def _start_style(self, attributes: dict[str, str]) -> None:
        self._style = attributes.get("style:name", "")

    def _table_properties(self, attributes: dict[str, str]) -> None:
        if attributes.get("table:display") == "false":
            self._hidden_styles.add(self._style)

    def _start_table(self, attributes: dict[str, str]) -> None:
        self._tables += 1
        if self._tables > 1:
            raise UnreadableFileError(f"sheet {self._name!r} has a table within a cell")
        self._name = attributes.get("table:name", "")
        self._visible = attributes.get("table:style-name") not in self._hidden_styles
        self._rows, self._unknown, self._units, self._external = [], set(), {}, False
        self._merged = []
        self._row = self._columns = 0

    def _table_source(self, _: dict[str, str]) -> None:
        """Note that the table is a copy of another file's sheet, for formulas that refer to it."""
        self._external = True

    def _end_table(self) -> None:
        self._tables -= 1
        if not self._external:
            unknown = addresses(self._unknown)
            self.sheets.append(
                Sheet(
                    self._name,
                    self._visible,
                    self._rows,
                    unknown,
                    self._units,
                    tuple(self._merged),
                )
            )

    def _start_row(self, attributes: dict[str, str]) -> None:
        self._repeated_row = _count(attributes, "table:number-rows-repeated")
        self._cells, self._column = [], 0

    def _end_row(self) -> None:
        values = trimmed(self._cells)
        if values:
            self._columns = max(self._columns, len(values))
            rows = self._row + self._repeated_row
            if refusal := too_large(self._name, rows, self._columns):
                raise UnreadableFileError(refusal)
            numbers = range(self._row + 1, rows + 1)
            self._rows.extend((number_, list(values)) for number_ in numbers)
        self._row += self._repeated_row

    def _start_cell(self, attributes: dict[str, str]) -> None:
        self._cell, self._paragraphs = attributes, []

    def _end_cell(self) -> None:
        attributes = self._cell
        repeated = _count(attributes, "table:number-columns-repeated")
        column = self._column
        self._column += repeated
        if "table:formula" in attributes and _valueless(attributes) and not self._paragraphs:
            self._unknown.add((self._row, column))
            return
        try:
            value = _value(attributes, self._paragraphs)
        except (ValueError, ArithmeticError, KeyError) as error:
            where = address((self._row, column))
            raise UnreadableFileError(
                f"sheet {self._name!r}, cell {where}: its value can't be read ({error})"
            ) from error
        if value is not None:
            if refusal := too_large(self._name, self._row + 1, self._column):
                raise UnreadableFileError(refusal)
            self._cells.extend([None] * (column - len(self._cells)))
            self._cells.extend([value] * repeated)
            if (rows := _count(attributes, "table:number-rows-spanned")) > 1:
                self._merged.append((self._row, column, self._row + rows - 1))
            if (unit := _unit(attributes)) is not None:
                for place in range(column, self._column):
                    self._units.setdefault(place, {})[unit] = (self._row, place)

    def _start_paragraph(self, _: dict[str, str]) -> None:
        self._depth += 1
        self._paragraphs.append([])
        self.parser.CharacterDataHandler = self._text

    def _end_paragraph(self) -> None:
        self._depth -= 1
        self.parser.CharacterDataHandler = None

    def _spaces(self, attributes: dict[str, str]) -> None:
        if self._depth:
            count = min(_count(attributes, "text:c"), 1 << 15)
            self._paragraphs[-1].append("\0" * count)

    def _tab(self, _: dict[str, str]) -> None:
        if self._depth:
            self._paragraphs[-1].append("\1")

    def _line_break(self, _: dict[str, str]) -> None:
        if self._depth:
            self._paragraphs[-1].append("\2")


_STARTS: dict[str, Callable[[_Reader, dict[str, str]], None]] = {
    "office:spreadsheet": _Reader._spreadsheet,
    "style:style": _Reader._start_style,
    "style:table-properties": _Reader._table_properties,
    "table:table": _Reader._start_table,
    "table:table-source": _Reader._table_source,
    "table:table-row": _Reader._start_row,
    "table:table-cell": _Reader._start_cell,
    "table:covered-table-cell": _Reader._start_cell,
    "text:p": _Reader._start_paragraph,
    "text:s": _Reader._spaces,
    "text:tab": _Reader._tab,
    "text:line-break": _Reader._line_break,
}
_ENDS: dict[str, Callable[[_Reader], None]] = {
    "table:table": _Reader._end_table,
    "table:table-row": _Reader._end_row,
    "table:table-cell": _Reader._end_cell,
    "table:covered-table-cell": _Reader._end_cell,
    "text:p": _Reader._end_paragraph,
}


def _count(attributes: dict[str, str], name: str) -> int:
    count = int(attributes.get(name, 1))
    if count < 1:
        raise ValueError(f"{name} is {count}")
    return count


def _valueless(attributes: dict[str, str]) -> bool:
    return attributes.get("office:value-type") is None and "office:value" not in attributes


def _value(attributes: dict[str, str], paragraphs: list[list[str]]) -> Value:
    kind = attributes.get("office:value-type")
    if attributes.get("calcext:value-type") == "error":
        return _plain(paragraphs) or "#ERROR"
    if kind in ("float", "percentage", "currency"):
        return _number(float(attributes["office:value"]), _plain(paragraphs))
    if kind == "boolean":
        return {"true": True, "false": False}[attributes["office:boolean-value"]]
    if kind == "date":
        return _date(attributes["office:date-value"])
    if kind == "time":
        return _time(attributes["office:time-value"])
    return (attributes.get("office:string-value") or _plain(paragraphs)) or None


def _number(stored: float, shown: str) -> Value:
    """A number, unless what is shown is a post code, by its zeros, or a day."""
    is_code = shown.isascii() and shown.isdigit() and shown[0] == "0" and len(shown) > 1
    if is_code and int(shown) == stored:
        return shown
    return _shown_day(stored, shown) or number(stored)


def _shown_day(stored: float, shown: str) -> date | None:
    """The day that a number is shown as, though its kind says that it is none."""
    if not _DAY_SHOWN.fullmatch(shown) or not stored.is_integer() or not 0 < stored < _LAST_DAY:
        return None
    day = _EPOCH + timedelta(days=int(stored))
    parts = sorted(map(int, re.findall(r"\d+", shown)))
    return day if parts in (_sorted(day, day.year), _sorted(day, day.year % 100)) else None


def _sorted(day: date, year: int) -> list[int]:
    return sorted((day.day, day.month, year))


def _unit(attributes: dict[str, str]) -> str | None:
    """The unit shown with a number; None if it isn't a number."""
    match attributes.get("office:value-type"):
        case "float":
            return ""
        case "percentage":
            return "%"
        case "currency":
            return one_unit(attributes.get("office:currency", ""))
        case _:
            return None


def _plain(paragraphs: list[list[str]]) -> str:
    """Text as shown: white space in the XML counts as one space; its elements set the rest."""
    lines = (re.sub(r"[ \t\r\n]+", " ", "".join(pieces)).strip(" ") for pieces in paragraphs)
    return "\n".join(lines).translate({0: " ", 1: "\t", 2: "\n"})


def _date(text: str) -> date:
    if len(text) == len("2026-01-31"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(_MICROSECOND.sub(r"\1", text))
    return moment.date() if moment.time() == time(0, 0) and moment.tzinfo is None else moment


def _time(text: str) -> time | timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no duration")
    sign, days, hours, minutes, seconds = match.groups()
    exact = Decimal((seconds or "0").replace(",", "."))
    duration = timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        microseconds=int((exact * 1_000_000).to_integral_value()),
    )
    if sign or duration >= _DAY:
        return -duration if sign else duration
    return (datetime(1, 1, 1) + duration).time()  # noqa: DTZ001
