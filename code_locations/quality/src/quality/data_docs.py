"""Data Docs: kept per run, readable offline, behind one page that always exists."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from quality.results import Validation


def publish(built: Path, docs: Path, validation: Validation, now: datetime) -> Path:
    """Keep the built site as the run's; return the page to open."""
    target = docs / "runs" / f"{now:%Y%m%dT%H%M%SZ}-{validation.run_id[:8]}"
    shutil.copytree(built, target)
    return docs / "index.html"
