"""Workbooks: their sheets as rows of native values.

- `sheet`: what a sheet is, and numbers as they were typed.
- `container`: which kind of workbook a file is; refuses broken zips and zip bombs.
- `excel`: .xlsx, .xlsb and .xls by calamine; `ooxml` and `binary` (with `ole`, for .xls) first
  collect what calamine ignores (`facts`), and `units` what a format shows beside a number.
- `ods`: .ods, where calamine would lose errors, long durations and tabs.
"""

from __future__ import annotations

from pathlib import Path

from ingestion.files.workbook import excel, ods
from ingestion.files.workbook.container import kind_of
from ingestion.files.workbook.sheet import Sheet, Value

__all__ = ["Sheet", "Value", "sheets"]


def sheets(path: Path) -> list[Sheet]:
    """All sheets of a workbook in order, including hidden ones; the file's name doesn't matter.

    Raises UnreadableFileError, in one line, if it isn't a workbook, has a password, is cut off or
    broken, or would take too much memory. See `Sheet` for the types of values.
    """
    kind = kind_of(path)
    return ods.sheets(path) if kind == "ods" else excel.sheets(path, kind)
