"""The status for programs. Its keys are stable; docs/status.md lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from observability.facts.model import Facts
from observability.status.verdict import Verdict

VERSION = 1


def document_of(facts: Facts, verdict: Verdict) -> dict[str, Any]:
    """What `stack status --json` prints; times are ISO 8601 in UTC."""
    return {
        "version": VERSION,
        "state": str(verdict.state),
        "exit_code": verdict.state.exit_code,
        "sentence": verdict.sentence,
        "needs_a_person": [i.finding.model_dump(mode="json") for i in verdict.incidents],
        "facts": _plain(facts),
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value
