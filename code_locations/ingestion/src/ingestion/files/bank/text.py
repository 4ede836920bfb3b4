"""Decodes bytes and parses values; what is uncertain is refused."""

from __future__ import annotations

import codecs
import re
from datetime import date
from decimal import Decimal

from ingestion.files.errors import UnreadableFileError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_POINT = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


def decoded(content: bytes, *, cut: bool = False) -> tuple[str, str]:
    """The text and its encoding: from its BOM, else utf-8, else cp1252, else latin-1.

    `cut`: `content` may end in the middle of a character.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            errors = "ignore" if cut else "strict"
            try:
                return content.decode(encoding, errors), encoding
            except UnicodeDecodeError as error:
                raise UnreadableFileError(
                    f"byte {error.start:,} is no {encoding}, which its first bytes say it is"
                ) from error
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(content, not cut), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


def unsigned(text: str | None, where: str) -> Decimal:
    """An amount with a decimal point and no sign."""
    if text is None or not _POINT.fullmatch(text):
        raise UnreadableFileError(
            f"{where}: {text!r} is no amount" if text else f"{where} has no amount"
        )
    return Decimal(text)


def day(year: int, month: int, day_: int, where: str) -> date:
    """A date. Refuses a day that doesn't exist."""
    try:
        return date(year, month, day_)
    except ValueError as error:
        raise UnreadableFileError(
            f"{where}: there is no day {year:04}-{month:02}-{day_:02}"
        ) from error
