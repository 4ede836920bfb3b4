"""Prints the results of a benchmark as a table and writes them to benchmarks/results/."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Finding:
    """A ratio of two medians in `unit`, with its budget; None: for information only."""

    what: str
    against: str
    value: float
    against_value: float
    budget: float | None
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """How many times the reference value it is."""
        return self.value / self.against_value

    @property
    def met(self) -> bool | None:
        """Whether the ratio is within the budget."""
        return None if self.budget is None else self.ratio <= self.budget


def median(seconds: Sequence[float]) -> float:
    """The median of repeated measurements."""
    return statistics.median(seconds)


def publish(name: str, findings: Sequence[Finding], conditions: Mapping[str, Any]) -> bool:
    """Print and write the findings; return whether all budgets are met."""
    print(f"\n{name}: " + ", ".join(f"{key} {value}" for key, value in conditions.items()))
    rows = [
        (
            f.what,
            f.against,
            f"{f.value:.2f} {f.unit}",
            f"{f.against_value:.2f} {f.unit}",
            f"{f.ratio:.2f}",
            "" if f.budget is None else f"{f.budget:g}",
            {True: "met", False: "MISSED", None: ""}[f.met],
        )
        for f in findings
    ]
    print_table(("what", "against", "measured", "against", "ratio", "budget", ""), rows)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "name": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "conditions": conditions,
        "findings": [asdict(f) | {"ratio": round(f.ratio, 3), "met": f.met} for f in findings],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2))
    return all(f.met is not False for f in findings)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as needed."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    for row in (header, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
