"""What .xlsx files hold and calamine silently ignores.

Calamine drops the currency that a number is shown in, returns errors and formulas without a value
as empty cells, takes truncated XML for a whole sheet, turns a negative time into a time of day, and
allocates a sheet's whole area.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from functools import cache
from xml.parsers import expat

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook.container import (
    feed,
    local,
    parts,
    read_through,
    read_xml,
    related,
)
from ingestion.files.workbook.facts import Facts
from ingestion.files.workbook.sheet import Position, number
from ingestion.files.workbook.units import Shown, shown_by

_NOT_READ = ("xl/media/", "xl/charts/", "xl/drawings/", "docprops/", "customxml/")


def facts(archive: zipfile.ZipFile) -> dict[str, Facts]:
    """Facts by sheet name. Refuses a workbook with a truncated or broken part."""
    sheets, calculated = _sheets(archive)
    for part, name in parts(archive).items():
        if name not in sheets.values() and not part.startswith(_NOT_READ):
            (read_xml if part.endswith((".xml", ".rels")) else read_through)(archive, name)
    readers = {}
    styles = _styles(archive)
    for sheet, name in sheets.items():
        readers[sheet] = _Reader(calculated, styles=styles)
        readers[sheet].read(archive, name)
    if not any(reader.facts.calculated for reader in readers.values()):
        for reader in readers.values():
            reader.facts.unknown |= reader.doubtful
    return {sheet: reader.facts for sheet, reader in readers.items()}


def raw_values(
    archive: zipfile.ZipFile, sheet: str, positions: Collection[Position]
) -> dict[Position, str]:
    """The stored texts of some cells."""
    reader = _Reader(True, positions)
    reader.read(archive, _sheets(archive)[0][sheet])
    return reader.texts


def _sheets(archive: zipfile.ZipFile) -> tuple[dict[str, str], bool]:
    """The part of each sheet by name, and whether formulas were calculated on saving."""
    names = parts(archive)
    workbook = _workbook(archive)
    targets = related(archive, workbook)
    sheets: dict[str, str] = {}
    calculated = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal calculated
        if local(name) == "sheet":
            ids = [value for key, value in attributes.items() if key.endswith(":id")]
            target, _ = targets.get(ids[0] if ids else "", ("", ""))
            title = attributes.get("name", "")
            if target not in names:
                raise UnreadableFileError(f"sheet {title!r} is missing in it; save it once more")
            sheets[title] = names[target]
        elif local(name) == "calcPr":
            calculated = attributes.get("fullCalcOnLoad") not in ("1", "true")

    read_xml(archive, names.get(workbook, workbook), start)
    return sheets, calculated


def _workbook(archive: zipfile.ZipFile) -> str:
    targets = related(archive, "").values()
    return next((t for t, kind in targets if kind.endswith("/officeDocument")), "xl/workbook.xml")


def _styles(archive: zipfile.ZipFile) -> list[Shown]:
    """What each cell style shows."""
    codes, formats = dict[int, str](), list[int]()
    within = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal within
        element = local(name)
        if element == "numFmt":
            codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif element == "xf" and within == "cellXfs":
            formats.append(int(attributes.get("numFmtId", 0)))
        elif element in {"cellXfs", "cellStyleXfs"}:
            within = element

    names = parts(archive)
    for target, kind in related(archive, _workbook(archive)).values():
        if kind.endswith("/styles") and target in names:
            read_xml(archive, names[target], start)
    return [shown_by(number, codes) for number in formats]


class _Reader:
    """Walks through the cells of a sheet's part.

    Programs that can't calculate store 0 for a formula and ask for calculation on loading; unless
    `calculated`, such a 0 isn't a value. A streaming writer of Apache POI stores 0.0, and asks for
    nothing: that is a value only if some formula has another one (`doubtful`).
    """

    def __init__(
        self,
        calculated: bool,
        wanted: Collection[Position] = (),
        styles: Sequence[Shown] = (),
    ) -> None:
        self.facts, self.texts = Facts(), dict[Position, str]()
        self.doubtful = set[Position]()
        self._calculated, self._wanted, self._styles = calculated, wanted, styles
        self._row = self._column = -1
        self._cell = dict[str, str]()
        self._formula = self._value = False
        self._shown: Shown | None = None
        self._pieces: list[str] | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start

    def read(self, archive: zipfile.ZipFile, part: str) -> None:
        feed(archive, part, self._parser)
        self._end_of_cell()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = local(name)
        if name == "c":
            self._end_of_cell()
            self._cell = attributes
            at = attributes.get("r")
            if at is None:
                self._column += 1
            else:
                letters = at.rstrip("0123456789")
                self._column = _column(letters)
                self._row = int(at[len(letters) :] or 0) - 1
        elif name in {"v", "is"}:
            self._value = True
            facts = self.facts
            if self._row >= facts.rows:
                facts.rows = self._row + 1
            if self._column >= facts.columns:
                facts.columns = self._column + 1
            style = int(self._cell.get("s", 0))
            is_number = name == "v" and self._cell.get("t", "n") == "n"
            self._shown = (
                (self._styles[style] if style < len(self._styles) else Shown())
                if is_number
                else None
            )
            if self._shown is not None:
                facts.note((self._row, self._column), self._shown, "")
            if (
                self._formula
                or (self._shown is not None and (self._shown.zeros or self._shown.seems_day))
                or self._cell.get("t") == "e"
                or (self._wanted and (self._row, self._column) in self._wanted)
            ):
                self._pieces = []
                self._parser.CharacterDataHandler = self._pieces.append
        elif name == "f":
            self._formula = True
        elif name == "row":
            self._end_of_cell()
            at = attributes.get("r")
            self._row = self._row + 1 if at is None else int(at) - 1
            self._column = -1

    def _end_of_cell(self) -> None:
        position = (self._row, self._column)
        if self._pieces is not None:
            text = "".join(self._pieces).strip()
            if self._shown is not None:
                self.facts.note(position, self._shown, _whole(text))
                if self._shown.seems_day and text:
                    self.facts.missed[position] = number(float(text))
            if self._cell.get("t") == "e":
                self.facts.errors[position] = text or "#ERROR"
            if self._formula:
                self._judge(position, text)
            if position in self._wanted:
                self.texts[position] = text
            self._pieces = self._parser.CharacterDataHandler = None
        elif self._formula and not self._value:
            self.facts.unknown.add(position)
        self._formula = self._value = False

    def _judge(self, position: Position, text: str) -> None:
        """Note whether this text, of a formula's value, is from a calculation."""
        if self._cell.get("t") in {"e", "str"}:
            self.facts.calculated |= bool(text)
        elif not text or (text == "0" and not self._calculated):
            self.facts.unknown.add(position)
        elif text == "0.0":
            self.doubtful.add(position)
        else:
            self.facts.calculated |= text != "0"


def _whole(text: str) -> str:
    """A whole number without the .0 or exponent that some programs store, such as Java's."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else text


@cache
def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
