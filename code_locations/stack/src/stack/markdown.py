"""Markdown as Dagster's UI shows it."""

from __future__ import annotations

from collections.abc import Iterable

CELL_CHARACTERS = 80


def markdown_table(
    header: Iterable[object],
    rows: Iterable[Iterable[object]],
    longest: int | None = CELL_CHARACTERS,
) -> str:
    """A table; cells are cut at `longest`, and null becomes an empty one."""
    head = [_cell(name, longest) for name in header]
    lines = [head, ["---"] * len(head), *([_cell(value, longest) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_list(items: Iterable[object], empty: str) -> str:
    """A list, or the text `empty` if there are no items."""
    return "\n".join(f"- {item}" for item in items) or empty


def _cell(value: object, longest: int | None) -> str:
    text = "" if value is None else " ".join(str(value).split())
    if longest and len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return text.replace("|", "\\|")
