"""Write the chart's list of the stack's variables from the settings classes: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from scripts.env_example import PROGRAMS, settings_classes

FILE = Path(__file__).parents[1] / "charts/freelancer-data-stack/files/variables.yaml"
HEADER = """\
# The stack's variables: which packages read each, and the values that it may have where these are
# few. Made by `make docs` from the settings classes.
"""


def render() -> str:
    """The text of the list."""
    found: dict[str, dict[str, Any]] = {}
    for cls in settings_classes(PROGRAMS):
        package = cls.__module__.partition(".")[0]
        for name, field in cls.model_fields.items():
            told = found.setdefault(name.upper(), {"readBy": []})
            if package not in told["readBy"]:
                told["readBy"].append(package)
            told |= _values(field.annotation)
    return HEADER + yaml.safe_dump(found, default_flow_style=None, width=100)


def _values(annotation: Any) -> dict[str, Any]:
    try:
        schema = TypeAdapter(annotation).json_schema()
    except PydanticInvalidForJsonSchema:
        return {}
    schemas = [schema, *schema.get("$defs", {}).values()]
    if values := [value for one in schemas for value in one.get("enum", ())]:
        return {"values": sorted(map(str, values))}
    if schema.get("type") == "boolean":
        return {"values": ["false", "true"]}
    return {"number": True} if schema.get("type") == "integer" else {}


if __name__ == "__main__":
    FILE.write_text(render())
