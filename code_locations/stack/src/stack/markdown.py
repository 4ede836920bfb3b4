"""Markdown as Dagster's UI shows it."""

from __future__ import annotations

from collections.abc import Iterable

CELL_CHARACTERS = 80


def markdown_table(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A table; a long cell is cut, null is an empty one."""
    head = [_cell(name) for name in header]
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_list(items: Iterable[object], empty: str) -> str:
    """A list, or what `empty` says of none."""
    return "\n".join(f"- {item}" for item in items) or empty


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    if len(text) > CELL_CHARACTERS:
        text = f"{text[: CELL_CHARACTERS - 1]}…"
    return text.replace("|", "\\|")
