"""Pydantic's validation errors in the author's terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, RootModel
from pydantic_core import ErrorDetails

# Pydantic's types in YAML's terms.
_EXPECTED = {
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_parsing": "true or false",
    "string_pattern_mismatch": "text like {pattern}",
    "too_short": "at least {min_length}",
    "union_tag_invalid": "one of {expected_tags}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def problem(item: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """What was found, and what is expected; never the value of a field with `repr=False`.

    A validator's own message replaces both.
    """
    if item["type"] in {"value_error", "assertion_error"}:
        return item["msg"].partition(", ")[2], ""
    models, hidden = list(models_of(model)), False
    *above, last = item["loc"] or ("",)
    for part in above if item["type"] == "extra_forbidden" else (*above, last):
        fields = [f for m in models for n, f in m.model_fields.items() if part in {n, f.alias}]
        hidden = hidden or any(not f.repr for f in fields)
        if fields:
            models = [inner for f in fields for inner in models_of(f.annotation)]
        else:  # the member of a union that has this tag
            models = [m for m in models if part in _tags(m)] or models
    if item["type"] == "extra_forbidden":
        fields_of = {f.alias or n: None for m in models for n, f in m.model_fields.items()}
        known = ", ".join(name for name in fields_of if name != "file")
        return "found an unknown field, expected ", f"one of {known}"
    if item["type"] in {"missing", "union_tag_not_found"}:
        return "found nothing, expected ", "a value"
    context = item.get("ctx", {})
    expected = _EXPECTED.get(item["type"])
    told = re.sub(r"^Input should be (a valid )?", "", item["msg"])
    found = context.get("tag") or ("a value" if hidden else shown(item["input"]))
    return f"found {found}, expected ", expected.format(**context) if expected else told


def models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models within a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        yield from models_of(annotation.model_fields["root"].annotation)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_of(inner)


def _tags(model: type[BaseModel]) -> list[Any]:
    return [tag for field in model.model_fields.values() for tag in get_args(field.annotation)]


def shown(value: Any) -> str:
    """A value as a message shows it, without the login in a URL."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    text = re.sub(r"[^\s/@:'\"]+:[^\s/@]+@", "***@", repr(value))
    return text if len(text) <= 80 else f"{text[:79]}…"
