"""The file around a workbook: a zip (.xlsx, .xlsb, .ods) or an OLE container (.xls)."""

from __future__ import annotations

import errno
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from xml.parsers import expat

from ingestion.files.errors import UnreadableFileError

Kind = Literal["xlsx", "xlsb", "xls", "ods"]
LARGEST_UNPACKED_BYTES = 2 << 30
CHUNK_BYTES = 1 << 20

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MANIFEST = "meta-inf/manifest.xml"
PASSWORD = "it is protected by a password; save it without one"  # noqa: S105


def kind_of(path: Path) -> Kind:
    """Which kind of workbook the file is, judged by its content. Refuses any other file."""
    with path.open("rb") as file:
        head = file.read(len(_OLE))
        if head == _OLE:
            if _ENCRYPTED in head + file.read():
                raise UnreadableFileError(PASSWORD)
            return "xls"
    if not head.startswith(b"PK"):
        raise UnreadableFileError(
            "it is no workbook: neither a zip (.xlsx, .xlsb, .ods) nor an old Excel file (.xls)"
        )
    with opened(path) as archive:
        return _kind_of_zip(archive)


def _kind_of_zip(archive: zipfile.ZipFile) -> Kind:
    names = parts(archive)
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > LARGEST_UNPACKED_BYTES:
        raise UnreadableFileError(
            f"unpacked it has {unpacked:,} bytes, at most {LARGEST_UNPACKED_BYTES:,} are read; "
            "split it, or save it as CSV"
        )
    if any(entry.flag_bits & 1 for entry in archive.infolist()):
        raise UnreadableFileError(PASSWORD)
    if "[content_types].xml" in names:
        files = {posixpath.basename(name) for name in names}
        if "workbook.xml" in files:
            return "xlsx"
        if "workbook.bin" in files:
            return "xlsb"
    if "content.xml" in names:
        if _MANIFEST in names and b"encryption-data" in archive.read(names[_MANIFEST]):
            raise UnreadableFileError(PASSWORD)
        return "ods"
    some = ", ".join(sorted(names.values())[:3]) or "nothing"
    raise UnreadableFileError(f"it is a zip without a workbook in it; it holds {some}")


def parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Names in the archive, keyed as workbooks refer to them: in lower case, with slashes."""
    return {
        name.replace("\\", "/").lstrip("/").lower(): name
        for name in archive.namelist()
        if not name.endswith("/")
    }


def related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """What a part refers to: names and kinds of parts, by id."""
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


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An open zip. If it is broken, here or in a later read, raises UnreadableFileError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError) as error:
        raise _broken(error) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # seeking before the start of the file
            raise
        raise _broken(error) from error


def _broken(error: Exception) -> UnreadableFileError:
    return UnreadableFileError(f"it is cut off or broken ({error}); download or save it once more")


def read_xml(archive: zipfile.ZipFile, part: str, start: Callable[..., None] | None = None) -> None:
    """Read an XML part to its end and call `start` for each element; see `feed`."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    feed(archive, part, parser)


def feed(archive: zipfile.ZipFile, part: str, parser: expat.XMLParserType) -> None:
    """Feed a part to a parser, piece by piece.

    Refuses XML that is broken, declares entities, or makes a handler raise ValueError.
    """

    def refuse(*_: object) -> None:
        raise UnreadableFileError(f"{part} in it declares a document type, as no workbook does")

    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    try:
        with archive.open(part) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                parser.Parse(chunk)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise UnreadableFileError(
            f"{part} in it is broken ({error}); download or save it once more"
        ) from error


def read_through(archive: zipfile.ZipFile, part: str) -> None:
    """Read a part and discard it, to detect a wrong size or checksum."""
    with archive.open(part) as stream:
        while stream.read(CHUNK_BYTES):
            pass


def local(name: str) -> str:
    """An XML name without its prefix."""
    return name.rpartition(":")[2]
