"""Formats that aren't read: how each is told by its content, and what to do with the file."""

from __future__ import annotations

import re

_AS_WORKBOOK = "open it in a spreadsheet program and save it as .xlsx"
_MARKS = (
    (0, b"%PDF", "a PDF; export the table as CSV or XLSX"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\xff\xd8\xff", "a picture"),
    (0, b"GIF89a", "a picture"),
    (0, b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (0, b"Rar!", "a RAR archive; unpack it"),
    (257, b"ustar", "a tar archive; unpack it"),
    (0, b"BZh", "packed by bzip2; unpack it, or pack it by gzip"),
    (0, b"\xfd7zXZ", "packed by xz; unpack it, or pack it by gzip"),
    (0, b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it, or pack it by gzip"),
    (0, b"\x04\x22\x4d\x18", "packed by lz4; unpack it, or pack it by gzip"),
    (0, b"ARROW1", "an Arrow or Feather file; write it as Parquet"),
    (0, b"Obj\x01", "an Avro file; write it as Parquet or JSON Lines"),
    (0, b"\x89HDF", "an HDF5 file; write its tables as Parquet"),
    (0, b"SQLite format 3", "an SQLite database; declare it as a source of its own"),
    (4, b"Standard Jet DB", "an Access database; export its tables as CSV or XLSX"),
    (4, b"Standard ACE DB", "an Access database; export its tables as CSV or XLSX"),
    (8, b"DUCK", "a DuckDB database; write its tables as Parquet"),
    (0, b"\x09\0\4\0", f"a workbook of Excel 2; {_AS_WORKBOOK}"),
    (0, b"\x09\2\6\0", f"a workbook of Excel 3; {_AS_WORKBOOK}"),
    (0, b"\x09\4\6\0", f"a workbook of Excel 4; {_AS_WORKBOOK}"),
    (0, b"\0\0\2\0", f"a sheet of Lotus 1-2-3; {_AS_WORKBOOK}"),
    (0, b"\0\0\x1a\0", f"a sheet of Lotus 1-2-3; {_AS_WORKBOOK}"),
    (0, b"{\\rtf", "a text document (RTF); export the table as CSV or XLSX"),
    (0, b"socialcalc:", "a sheet of SocialCalc or EtherCalc; export it as CSV"),
)
_BOM = rb"(?:\xef\xbb\xbf)?"
_BEGINNINGS = tuple(
    (re.compile(pattern, re.DOTALL | re.MULTILINE), told)
    for pattern, told in (
        (
            rb"ID;P.*?^C;(?:[XY]\d+;)+K",
            f"a sheet in Microsoft's SYLK format; {_AS_WORKBOOK}",
        ),
        (rb'TABLE\s+0,1\s+"', f"a sheet in the DIF format; {_AS_WORKBOOK}"),
        (
            _BOM + rb'"?!(?:HDR|TRNS|ACCNT|CUST|VEND|INVITEM|TIMERHDR)"?[\t,\r\n]',
            "in QuickBooks' IIF format, which has several tables; export a report as CSV",
        ),
        (
            _BOM + rb"!(?:[Tt]ype:|Account|Option:)",
            "a bank statement in the QIF format; export it as CSV, OFX or CAMT",
        ),
        (
            _BOM + rb"(?i:(?:\s*--[^\r\n]*\s*|/\*.*?\*/;?\s*)*"
            rb"(?:INSERT INTO|CREATE TABLE|DROP TABLE)\s)",
            "a script of SQL; export the table as CSV",
        ),
        (
            _BOM + rb"(?:%YAML\b|---\s*\r?\n(?:- )?[\w \"'-]+:(?:\s|$))",
            "a YAML file; export it as CSV or JSON",
        ),
        (
            _BOM + rb"\[[^\[\]\r\n\"{]+\]\s*\r?\n[\w.-]+\s*=",
            "a file of settings (INI); export the table as CSV",
        ),
        (
            _BOM + rb"(?:Return-Path|Received|Delivered-To|From|Date|MIME-Version): [^\r\n]*\r?\n"
            rb"(?:[\w-]+: [^\r\n]*\r?\n|[ \t][^\r\n]*\r?\n)*(?:Subject|To): ",
            "an e-mail; save its attachment",
        ),
        (_BOM + rb"BEGIN:VCALENDAR", "a calendar (iCalendar); export it as CSV"),
        (_BOM + rb"BEGIN:VCARD", "an address book (vCard); export it as CSV"),
        (
            rb"\s*(?:\|[^\r\n]*\|\s*\n\s*\|[ :|-]+\|\s*$|\+(?:[-=]+\+)+\s*$"
            rb"|[^\r\n|]+\|[^\r\n]*\r?\n[ :-]*-[ :-]*(?:[+|][ :-]*-[ :-]*)+\s*$)",
            "a table drawn with lines, as in Markdown or a terminal; export it as CSV",
        ),
    )
)
# Version, and the year, month and day of its last change; then its number of rows.
_DBASE = re.compile(rb"[\x02-\x05\x30-\x32\x43\x63\x83\x8b\xcb\xf5].[\x01-\x0c][\x01-\x1f]", re.S)


def foreign(start: bytes) -> str:
    """What a file is that begins like this, and what to do; "" if it may be read."""
    for at, mark, told in _MARKS:
        # Away from the beginning, the mark may be in ordinary text.
        if start.startswith(mark, at) and (at == 0 or b"\0" in start):
            return told
    if _DBASE.match(start) and b"\0" in start[:32]:
        return "a dBase table; export it as CSV or XLSX"
    return next((told for pattern, told in _BEGINNINGS if pattern.match(start)), "")


def foreign_markup(start: str) -> str:
    """What a text file of HTML or XML is that begins like this, and what to do; "" for others."""
    low = start.lower()
    if low.startswith(("<!doctype html", "<table", "<html")) or "<html" in low[:1000]:
        if "<table" in low:
            return (
                f"a web page (HTML) with a table, which some programs save as .xls; {_AS_WORKBOOK}"
            )
        return (
            "a web page (HTML), such as a login page saved under the export's name; "
            "export the file again"
        )
    if not low.startswith("<") or ">" not in low:
        return ""
    if "urn:schemas-microsoft-com:office:spreadsheet" in low:
        return f"a spreadsheet in Excel's XML of 2003; {_AS_WORKBOOK}"
    if "urn:oasis:names:tc:opendocument" in low:
        return "a flat OpenDocument file; open it and save it as .ods"
    return "XML that is no bank statement; export it as CSV or JSON"
