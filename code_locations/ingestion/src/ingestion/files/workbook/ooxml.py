"""What .xlsx files hold and calamine passes over in silence.

Calamine gives an error and a formula without a value as an empty cell, takes XML that ends early
for a whole sheet, turns a negative time into a time of day, and reserves the whole area of a sheet.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from xml.parsers import expat

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook.container import feed, local, parts, read_through, read_xml
from ingestion.files.workbook.sheet import Position

_NOT_READ = ("xl/media/", "xl/charts/", "xl/drawings/", "docprops/", "customxml/")


@dataclass
class Facts:
    """Of a sheet: its extent, texts of its errors, and formulas without a stored value."""

    rows: int = 0
    columns: int = 0
    errors: dict[Position, str] = field(default_factory=dict)
    unknown: set[Position] = field(default_factory=set)


def facts(archive: zipfile.ZipFile) -> dict[str, Facts]:
    """Facts by name of sheet. Refuses a workbook with a part that is cut off or broken."""
    sheets, calculated = _sheets(archive)
    for part, name in parts(archive).items():
        if name not in sheets.values() and not part.startswith(_NOT_READ):
            (read_xml if part.endswith((".xml", ".rels")) else read_through)(archive, name)
    found = {}
    for sheet, name in sheets.items():
        reader = _Reader(calculated)
        reader.read(archive, name)
        found[sheet] = reader.facts
    return found


def raw_values(
    archive: zipfile.ZipFile, sheet: str, positions: Collection[Position]
) -> dict[Position, str]:
    """The stored texts of some cells."""
    reader = _Reader(True, positions)
    reader.read(archive, _sheets(archive)[0][sheet])
    return reader.texts


def _sheets(archive: zipfile.ZipFile) -> tuple[dict[str, str], bool]:
    """The part of each sheet by its name, and whether formulas were calculated on saving."""
    names = parts(archive)
    workbook = next(
        (t for t, kind in _related(archive, "").values() if kind.endswith("/officeDocument")),
        "xl/workbook.xml",
    )
    related = _related(archive, workbook)
    sheets: dict[str, str] = {}
    calculated = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal calculated
        if local(name) == "sheet":
            ids = [value for key, value in attributes.items() if key.endswith(":id")]
            target, _ = related.get(ids[0] if ids else "", ("", ""))
            title = attributes.get("name", "")
            if target not in names:
                raise UnreadableFileError(f"sheet {title!r} is missing in it; save it once more")
            sheets[title] = names[target]
        elif local(name) == "calcPr":
            calculated = attributes.get("fullCalcOnLoad") not in ("1", "true")

    read_xml(archive, names.get(workbook, workbook), start)
    return sheets, calculated


def _related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: names of parts and kinds by id."""
    folder, file = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if local(name) == "Relationship":
            target = posixpath.join("/", folder, attributes.get("Target", "").replace("\\", "/"))
            target = posixpath.normpath(target).lstrip("/").lower()
            found[attributes.get("Id", "")] = (target, attributes.get("Type", ""))

    name = parts(archive).get(posixpath.join(folder, "_rels", f"{file}.rels"))
    if name is not None:
        read_xml(archive, name, start)
    return found


class _Reader:
    """Walks through the cells of a sheet's part.

    Programs that can't calculate store 0 for a formula and ask for a calculation on loading; if
    not `calculated`, such a 0 is no value.
    """

    def __init__(self, calculated: bool, wanted: Collection[Position] = ()) -> None:
        self.facts, self.texts = Facts(), dict[Position, str]()
        self._calculated, self._wanted = calculated, wanted
        self._row = self._column = -1
        self._cell = dict[str, str]()
        self._formula = self._value = False
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
            if (
                self._formula
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
            if self._cell.get("t") == "e":
                self.facts.errors[position] = text or "#ERROR"
            elif not self._formula or self._cell.get("t") == "str":
                pass
            elif not text or (text == "0" and not self._calculated):
                self.facts.unknown.add(position)
            if position in self._wanted:
                self.texts[position] = text
            self._pieces = self._parser.CharacterDataHandler = None
        elif self._formula and not self._value:
            self.facts.unknown.add(position)
        self._formula = self._value = False


@cache
def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
