"""Write `docs/chart-values.md` from the comments of the chart's `values.yaml`: `make docs`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stack.markdown import markdown_table

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "freelancer-data-stack"
FILE = ROOT / "docs" / "chart-values.md"
HEADER = """\
# Values of the Helm chart

Made by `make docs` from `charts/freelancer-data-stack/values.yaml`. Unknown keys and values that
contradict each other are refused when the chart is rendered. Each entry of `codeLocations` has the
keys of `codeLocationDefaults`, and only needs what differs from them.

"""
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z0-9_.-]+):")
_MARK = "# -- "


def described(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and description of each key below a comment `# -- …`.

    Raises ValueError for a description without a key.
    """
    path: list[tuple[int, str]] = []
    description = ""
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith(_MARK):
            description = stripped.removeprefix(_MARK)
        elif key := _KEY.match(line):
            indent = len(key["indent"])
            path = [(depth, name) for depth, name in path if depth < indent]
            path.append((indent, key["key"]))
            if description:
                yield tuple(name for _, name in path), description
            description = ""
        elif description:
            raise ValueError(f"values.yaml line {number}: expected the key of `{description}`")


def render() -> str:
    """The page: one row for each described value, in the order of the file."""
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    rows = (
        (f"`{'.'.join(path)}`", _default(values, path), description)
        for path, description in described(text)
    )
    return HEADER + markdown_table(("value", "default", "what it does"), rows, None) + "\n"


def _default(values: Any, path: tuple[str, ...]) -> str:
    for key in path:
        values = values[key]
    return f"`{json.dumps(values)}`" if values not in ("", {}, []) else "empty"


if __name__ == "__main__":
    FILE.write_text(render())
