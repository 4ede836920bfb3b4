"""Declared footers: what is below the rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingestion.files.records import RowAside
from ingestion.files.rules import ReadingRules


def without_footer(aside: Sequence[RowAside], rules: ReadingRules) -> tuple[RowAside, ...]:
    """The rows set aside, with those of a declared footer marked as expected."""
    first = next(
        (row.line for row in aside if rules.footer and _first_cell(row).startswith(rules.footer)),
        None,
    )
    return tuple(
        row
        if first is None or row.line < first or row.expected
        else replace(row, reason=f"line {row.line} is a footer, as the layout says", expected=True)
        for row in aside
    )


def _first_cell(row: RowAside) -> str:
    return next((cell.strip() for cell in row.cells if cell.strip()), "")
