"""`stack diff-marts`: the difference in data, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from scripts.chart_values_page import ROOT
from scripts.promotion.contracts import MARTS
from scripts.promotion.marts import SHOWN_ROWS, Shown, TableDifference, compare
from stack.declarations import load_mapping
from stack.markdown import markdown_list, markdown_table


def declared_keys(root: Path) -> dict[str, tuple[str, ...]]:
    """The key of each mart, declared by its dbt tests `primary_key` and `unique_together`."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted((root / MARTS).glob("*.yml")):
        for model in load_mapping(file).get("models", ()):
            for test in model.get("data_tests", ()):
                if isinstance(test, dict) and "unique_together" in test:
                    found[model["name"]] = tuple(test["unique_together"]["arguments"]["columns"])
            for column in model.get("columns", ()):
                if "primary_key" in column.get("data_tests", ()):
                    found[model["name"]] = (column["name"],)
    return found


def markdown(found: Sequence[TableDifference]) -> str:
    """For a pull request: one line for each table, then what differs in each."""
    header = ("mart", "rows", "added", "gone", "changed", "key")
    lines = [
        (f"`{one.table}`", f"{_count(one.before)} → {_count(one.after)}",
         one.added, one.gone, one.changed if one.key else "", ", ".join(one.key) or "none")
        for one in found if not one.same
    ]  # fmt: skip
    same = [f"`{one.table}`" for one in found if one.same]
    parts = [markdown_table(header, lines)] if lines else []
    parts += [_details(one) for one in found if not one.same]
    if same:
        parts.append(f"The same, row by row: {', '.join(same)}.")
    return "\n\n".join(parts)


def _details(one: TableDifference) -> str:
    parts = [f"**{one.table}**"]
    if one.structure:
        parts.append(markdown_list(one.structure, ""))
    totals = [(t.column, t.before, t.after) for t in one.totals if t.before != t.after]
    if totals:
        parts.append(markdown_table(("total of", "before", "after"), totals))
    if one.columns:
        parts.append(
            "Changed: " + ", ".join(f"{column} in {n:,}" for column, n in one.columns.items())
        )
    if one.rows:
        parts.append(markdown_table(("row", "key", "column", "before", "after"), one.rows))
    return "\n\n".join(parts)


def _count(count: int | None) -> str:
    return "none" if count is None else f"{count:,}"


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option("--schema", default="marts", help="Which tables; default: marts.")
@click.option("--rows", default=SHOWN_ROWS, help="So many of each kind are shown.")
@click.option("--show-text", is_flag=True, help="Also what is written in columns of text.")
def diff_marts(before: Path, after: Path, schema: str, rows: int, show_text: bool) -> None:
    """Print how the marts of two warehouses differ, BEFORE and AFTER, as Markdown."""
    found = compare(before, after, declared_keys(ROOT), schema, Shown(rows, show_text))
    click.echo(markdown(found) or f"no tables in the schema {schema} of either")
