"""Workbooks: their sheets as rows of native values.

- `sheet`: what a sheet is, and a number as what it was typed as.
- `container`: which kind of workbook a file is; zips that are broken or unpack to too much.
- `excel`: .xlsx, .xlsb and .xls by calamine; `ooxml` looks first at what calamine passes over.
- `ods`: .ods, of which calamine would lose errors, long durations and tabs.
"""

from __future__ import annotations

from pathlib import Path

from ingestion.files.workbook import excel, ods
from ingestion.files.workbook.container import kind_of
from ingestion.files.workbook.sheet import Sheet, Value

__all__ = ["Sheet", "Value", "sheets"]


def sheets(path: Path) -> list[Sheet]:
    """Every sheet of a workbook in its order, hidden ones too; the file's name doesn't matter.

    Raises UnreadableFileError, in one line, for what is no workbook, has a password, is cut off or
    broken, or would take too much memory. See `Sheet` for how values come.
    """
    kind = kind_of(path)
    return ods.sheets(path) if kind == "ods" else excel.sheets(path, kind)
