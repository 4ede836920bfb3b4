"""What a file is, judged by its content: how it is packed, and its kind."""

from __future__ import annotations

import gzip
import re
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ingestion.files.bank import is_statement
from ingestion.files.encoding import Encoding, find_encoding, utf8_copy
from ingestion.files.errors import UnreadableFileError
from ingestion.files.foreign import foreign, foreign_markup

Kind = Literal["csv", "json", "parquet", "workbook", "camt", "mt940", "ofx"]
LARGEST_UNPACKED_BYTES = 64 << 30
LONGEST_LINE_BYTES = 16 << 20
# A larger one is checked for its ratio: no table shrinks this much when packed.
_LARGE_BYTES = 64 << 20
_MOST_TIMES = 250
_START_BYTES = 1 << 14
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0"
_WORKBOOK = {"[Content_Types].xml", "xl/workbook.xml", "mimetype"}
# `window.data = [{`, `callback([{`, and comments before a bracket.
_SCRIPT = re.compile(
    r"""(?: (?:(?:var|let|const)\s+)?[\w.$]+(?:\[[^\]]*\])?\s*[=(] | (?:\s*//[^\n]*\n)+
    | /\*.*?\*/ ) \s* (?:\[\s*)? \{\s*"[^"\n]*"\s*:""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Opened:
    """An unpacked file, text as UTF-8. `member` is its name in an archive, `packed` the packer."""

    path: Path
    kind: Kind
    member: str = ""
    packed: str = ""
    encoding: Encoding | None = None


def open_file(path: Path, scratch: Path, encoding: str | None = None) -> list[Opened]:
    """Unpack a file and identify it; an archive of several files gives several.

    Files are unpacked into `scratch`. Raises UnreadableFileError if nothing in it has rows.
    """
    if path.stat().st_size == 0:
        raise UnreadableFileError("the file is empty (0 bytes)")
    start = _start(path)
    if start.startswith(b"\x1f\x8b"):
        return [_named(item, "", "gzip") for item in [_one(_gunzip(path, scratch), encoding)]]
    if start.startswith(_ZIP):
        return _from_zip(path, scratch, encoding)
    return [_one(path, encoding)]


def _one(path: Path, encoding: str | None) -> Opened:
    start = _start(path)
    if not start:
        raise UnreadableFileError("the file is empty (0 bytes)")
    if start.startswith(b"PAR1"):
        return Opened(path, "parquet")
    if start.startswith(_OLE) or (start.startswith(_ZIP) and _is_workbook(path)):
        return Opened(path, "workbook")
    if start.startswith((*_ZIP, b"\x1f\x8b")):
        raise UnreadableFileError("it is an archive within an archive; unpack it")
    if told := foreign(start):
        raise UnreadableFileError(f"it is {told}")
    if statement := is_statement(start):
        return Opened(path, statement)
    found = Encoding(encoding, "it is declared") if encoding else find_encoding(path)
    text = utf8_copy(path, found.name, path.with_name(f"{path.name}.utf8"))
    kind = _text_kind(_start(text).decode("utf-8", "ignore"))
    if kind == "csv":
        _require_lines(text)
    return Opened(text, kind, encoding=found)


def _require_lines(path: Path) -> None:
    """Refuse delimited text with a line too long for memory. JSON may be a single line."""
    length = 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            first = min((at for end in b"\n\r" if (at := block.find(end)) >= 0), default=len(block))
            if length + first > LONGEST_LINE_BYTES:
                raise UnreadableFileError(
                    f"it has a line of more than {LONGEST_LINE_BYTES:,} bytes, which is no row of "
                    "a table; export it with a line for each row"
                )
            last = max(block.rfind(b"\n"), block.rfind(b"\r"))
            length = len(block) - last - 1 if last >= 0 else length + len(block)


def _text_kind(start: str) -> Kind:
    content = start.lstrip("\ufeff \t\r\n")
    if not content:
        raise UnreadableFileError("it has no text, only blanks")
    if told := foreign_markup(content):
        raise UnreadableFileError(f"it is {told}")
    if content[0] in "{[" and _looks_like_json(content):
        return "json"
    if _SCRIPT.match(content):
        raise UnreadableFileError(
            "it is JSON within a script or below a comment; leave only what is between its first "
            "and last bracket"
        )
    return "csv"


def _looks_like_json(content: str) -> bool:
    rest = content[1:].lstrip()
    if content[0] == "{":
        return rest[:1] in ('"', "}", "'", "")
    return rest[:1] in ("{", "[", "]", '"', "") or not rest[:1].isalpha()


def _from_zip(path: Path, scratch: Path, encoding: str | None) -> list[Opened]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            if _WORKBOOK & {item.filename for item in members}:
                return [Opened(path, "workbook")]
            rows = [m for m in members if not _beside(m.filename)]
            if not rows:
                raise UnreadableFileError("the zip archive has no file in it")
            if any(member.flag_bits & 1 for member in rows):
                raise UnreadableFileError("the zip archive is protected by a password; unpack it")
            _bound(sum(member.file_size for member in rows), path)
            found = []
            for number, member in enumerate(sorted(rows, key=lambda m: m.filename)):
                target = scratch / f"{path.name}-{number}"
                with archive.open(member) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                try:
                    one = _one(target, encoding)
                except UnreadableFileError as error:
                    raise UnreadableFileError(f"{member.filename} in it: {error}") from error
                found.append(_named(one, member.filename, "zip"))
            return found
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise UnreadableFileError(f"the zip archive is broken or cut off ({error})") from error


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(_WORKBOOK & {*archive.namelist()})
    except zipfile.BadZipFile:
        return False


def _beside(name: str) -> bool:
    """Whether a file in an archive is one that a system keeps for itself: `.DS_Store`."""
    *folders, own = name.lower().split("/")
    return own.startswith(".") or own in ("thumbs.db", "desktop.ini") or "__macosx" in folders


def _gunzip(path: Path, scratch: Path) -> Path:
    target = scratch / f"{path.name}-unpacked"
    size, most = 0, _bound(0, path)
    try:
        with gzip.open(path) as source, target.open("wb") as out:
            while chunk := source.read(1 << 20):
                size += len(chunk)
                if size > most:
                    _bound(size, path)
                out.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(
            f"it is compressed by gzip, and truncated or broken ({error}); fetch it again"
        ) from error
    return target


def _bound(size: int, path: Path) -> int:
    """The size that a file may unpack to. Raises UnreadableFileError if `size` is larger."""
    most = min(LARGEST_UNPACKED_BYTES, max(path.stat().st_size * _MOST_TIMES, _LARGE_BYTES))
    if size > most:
        raise UnreadableFileError(
            f"it unpacks to more than {most:,} bytes, too many for its size; unpack it yourself"
        )
    return most


def _named(item: Opened, member: str, packed: str) -> Opened:
    return Opened(item.path, item.kind, member, packed, item.encoding)


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_START_BYTES)
