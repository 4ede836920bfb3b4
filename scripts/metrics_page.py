"""Write `docs/metrics.md`'s tables from the declared metrics: `make docs`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from observability.metrics.declared import METRICS
from observability.metrics.metric import Metric
from stack.markdown import markdown_table

FILE = Path(__file__).parents[1] / "docs" / "metrics.md"
BEGIN = "<!-- Made by `make docs` from observability/metrics/declared.py: -->"
COLUMNS = ("metric", "type", "labels", "what it is")


def render(page: str) -> str:
    """The page with its tables, one for each group of metrics, as they are declared now."""
    return f"{page.partition(BEGIN)[0]}{BEGIN}\n{tables()}"


def tables() -> str:
    """The tables."""
    parts = []
    for group, metrics in groupby(METRICS, key=lambda metric: metric.group):
        parts.append(f"\n### {group}\n\n{markdown_table(COLUMNS, map(_cells, metrics), None)}\n")
    return "".join(parts)


def _cells(metric: Metric) -> list[str]:
    buckets = f" Buckets: {', '.join(f'{b:g}' for b in metric.buckets)}." if metric.buckets else ""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return [f"`{metric.name}`", str(metric.kind), labels, metric.help + buckets]


if __name__ == "__main__":
    FILE.write_text(render(FILE.read_text()))
