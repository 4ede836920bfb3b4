"""A name for content: the same for the same content, whoever has it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(*parts: Any) -> str:
    """SHA-256 of what JSON can hold, or writes as text; the order of keys doesn't matter."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
