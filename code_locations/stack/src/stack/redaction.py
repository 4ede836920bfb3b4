"""Secrets out of every text that a person may see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

MASK = "***"
# Shorter ones would blank out half of every line, and guard nothing.
SHORTEST = 4


class Redactor:
    """Replaces secrets by `***`, also where they were escaped as JSON."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for s in secrets if len(s) >= SHORTEST for form in (s, json.dumps(s)[1:-1])}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """`text` with every secret masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text
