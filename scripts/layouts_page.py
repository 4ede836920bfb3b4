"""Write `docs/layouts.md` from the layouts of exports: `make docs`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from ingestion.layouts import Layout, layouts
from stack.markdown import markdown_table

FILE = Path(__file__).parents[1] / "docs" / "layouts.md"
HEADER = """\
# Exports that are recognised

Made by `make docs` from `ingestion/layouts`. A file dropped into the [inbox](files.md) with one of
these layouts is recognised by its header, whatever its name. It is loaded into the table
`files_<layout>` by the layout's rules, and contributes rows to the books' tables under "feeds".
"Key" says which rows of two exports are the same; # is the number among equal rows. "Checks" must
hold for every row; a violation is reported with its line. Rows "left out" are pending, or never
moved money. The evidence is a real file (fixture), or the code of an importer.
[A new layout](how-to/add-a-layout.md) takes one file and one sample.
"""
COLUMNS = ("export", "layout", "seen", "evidence", "key", "feeds", "checks", "left out")


def render() -> str:
    """The page: one table for each group, and notes about each layout."""
    parts = [HEADER]
    by_group = sorted(layouts(), key=lambda layout: (layout.group, layout.name))
    for group, found in groupby(by_group, key=lambda layout: layout.group):
        members = list(found)
        table = markdown_table(COLUMNS, map(_cells, members), None)
        notes = "".join(f"- *{layout.title}*: {layout.notes.strip()}\n" for layout in members)
        parts.append(f"\n## {group.capitalize()}\n\n{table}\n\n{notes}")
    return "".join(parts)


def _cells(layout: Layout) -> list[str]:
    key = ", ".join(layout.key) + (" #" if layout.occurrence else "")
    left_out = {
        f"{name}: {', '.join(values)}" for name, values in layout.skip.items() if any(values)
    }
    left_out |= {f"no {name}" for name, values in layout.skip.items() if "" in values}
    return [
        layout.title,
        f"`{layout.name}`",
        layout.seen,
        layout.evidence,
        key or "none",
        ", ".join(layout.feeds) or "nothing",
        "; ".join(layout.read.checks) or "none",
        "; ".join(sorted(left_out)) or "none",
    ]


if __name__ == "__main__":
    FILE.write_text(render())
