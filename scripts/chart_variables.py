"""Write the chart's list of the stack's variables from the settings classes: `make docs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from scripts.env_example import PROGRAMS, settings_classes

FILE = Path(__file__).parents[1] / "charts/freelancer-data-stack/files/variables.yaml"
HEADER = """\
# The stack's variables: which packages read each, and which values it may have. Made by `make docs`
# from the settings classes.
"""


DATE = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T00:00:00Z)?$"  # YAML may add the time
LIMITS = {"minimum": "minimum", "maximum": "maximum", "exclusiveMinimum": "above"}


def render() -> str:
    """The text of the list."""
    found: dict[str, dict[str, Any]] = {}
    for cls in settings_classes(PROGRAMS):
        package = cls.__module__.partition(".")[0]
        for name, field in cls.model_fields.items():
            told = found.setdefault(name.upper(), {"readBy": []})
            if package not in told["readBy"]:
                told["readBy"].append(package)
            told |= _values(field)
    return HEADER + yaml.safe_dump(found, default_flow_style=None, width=100)


def _values(field: FieldInfo) -> dict[str, Any]:
    wanted = (field.annotation, *field.metadata)
    annotation: Any = Annotated[wanted] if field.metadata else field.annotation
    try:
        schema = TypeAdapter(annotation).json_schema()
    except PydanticInvalidForJsonSchema:
        return {}
    parts = [schema, *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    told = {key: value for part in parts for key, value in part.items()}
    told |= field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    kinds = {part.get("type") for part in parts}
    if values := told.get("enum", ["false", "true"] if "boolean" in kinds else None):
        return {"values": sorted(map(str, values))}
    if numeric := kinds & {"integer", "number"}:
        limits = {ours: told[key] for key, ours in LIMITS.items() if key in told}
        return {"number": "whole" if "integer" in numeric else "any", **limits}
    if pattern := told.get("pattern", DATE if told.get("format") == "date" else None):
        return {"pattern": pattern, "is": field.description}
    return {"timezone": True} if told.get("format") == "time-zone" else {}


if __name__ == "__main__":
    FILE.write_text(render())
