"""Checks dbt's selection syntax against a manifest, so that a typo stops a run before it starts.

Syntax: https://docs.getdbt.com/reference/node-selection/syntax
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from stack.dbt_artifacts import Manifest
from stack.errors import StackError

_CRITERION = re.compile(r"@?(?:\d*\+)?(?:(?P<method>[a-z_.]+):)?(?P<value>.*?)(?:\+\d*)?$")
_CHECKED = ("fqn", "tag", "source")
_OTHERS = ("config", "exposure", "file", "group", "package", "path", "resource_type")


class UnknownModelError(StackError):
    """A selection names something that the dbt project lacks; the message suggests the nearest."""


def check_target_models(selection: str, manifest: Manifest | None) -> None:
    """Raise UnknownModelError for the first name in `selection` that `manifest` lacks.

    Without `manifest` only the syntax is checked. For the methods `fqn`, `tag` and `source` the
    value is checked, for others only the method's name.
    """
    for criterion in re.split(r"[\s,]+", selection.strip()):
        match = _CRITERION.fullmatch(criterion)
        method = (match["method"] or "fqn") if match else ""
        value = match["value"] if match else ""
        if not value or value.startswith("-"):
            raise UnknownModelError(
                f"target_models: {criterion!r} is no selection; expected dbt's syntax, such as "
                "revenue_by_month, +revenue_by_month or tag:nightly"
            )
        kind = method.partition(".")[0]
        if kind not in (*_CHECKED, *_OTHERS):
            raise UnknownModelError(
                _message("method", method, (*_CHECKED, *_OTHERS), "of dbt's selection")
            )
        plain_path = method == "fqn" and ("/" in value or value.endswith(".sql"))
        if manifest is None or kind not in _CHECKED or plain_path:
            continue
        if kind == "fqn" and not _selects_model(value, manifest):
            names = [node.name for node in manifest.models]
            raise UnknownModelError(_message("model", value, names, "in the dbt project"))
        if kind == "tag" and not _any_like(value, tags := _tags(manifest)):
            raise UnknownModelError(_message("tag", value, tags, "in the dbt project"))
        if kind == "source" and not _any_like(value, sources := _sources(manifest)):
            raise UnknownModelError(_message("source", value, sources, "in the dbt project"))


def _selects_model(value: str, manifest: Manifest) -> bool:
    """As dbt matches: a model's name or the start of its path, with or without the project."""
    for node in manifest.models:
        names = [node.name]
        for path in (node.fqn, node.fqn[1:]):
            names += [".".join(path[:length]) for length in range(1, len(path) + 1)]
        if any(fnmatchcase(name, value) for name in names):
            return True
    return False


def _tags(manifest: Manifest) -> list[str]:
    nodes = (*manifest.models, *manifest.sources.values())
    return sorted({tag for node in nodes for tag in node.tags})


def _sources(manifest: Manifest) -> list[str]:
    """Each source, and each of its tables as `source.table`."""
    found = manifest.sources.values()
    return sorted({n for s in found for n in (s.source_name, f"{s.source_name}.{s.name}")})


def _any_like(value: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, value) for name in names)


def _message(kind: str, value: str, names: Iterable[str], where: str) -> str:
    known = sorted(names)
    near = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}"
    return f"target_models: there is no {kind} {value!r} {where}; {hint}"
