"""Reads declarations in YAML."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

# Ten times quicker than the Python one, and a code location reads declarations when it loads.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Refuses a key that is there twice, of which YAML's libraries keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Hashable, yaml.Node] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        "while reading a mapping",
                        node.start_mark,
                        f"found the key {key!r} twice; keep one of them",
                        key_node.start_mark,
                    )
                seen[key] = key_node
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def load_yaml(text: str) -> Any:
    """The document in `text`.

    Raises yaml.YAMLError, with line and column, if it isn't one, or has a key twice.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader
