"""Which values of a connection's configuration are secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def secret_values(schema: Mapping[str, Any], config: Any) -> set[str]:
    """Values of `config` that the connector's spec marks with `airbyte_secret`.

    A marked field's name counts wherever it occurs, so that `oneOf` needn't be resolved.
    """
    names = set(_secret_names(schema))
    return set(_values_of(config, names, marked=False))


def _secret_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for part in schema:
            yield from _secret_names(part)
    elif isinstance(schema, dict):
        for name, part in (schema.get("properties") or {}).items():
            if isinstance(part, dict) and part.get("airbyte_secret"):
                yield name
        for part in schema.values():
            yield from _secret_names(part)


def _values_of(config: Any, names: set[str], *, marked: bool) -> Iterator[str]:
    if isinstance(config, dict):
        for name, value in config.items():
            yield from _values_of(value, names, marked=marked or name in names)
    elif isinstance(config, list):
        for value in config:
            yield from _values_of(value, names, marked=marked)
    elif marked and config is not None:
        yield str(config)
