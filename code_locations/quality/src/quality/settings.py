"""Environment variables of the quality location."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from stack.settings import Settings


class GreatExpectationsSettings(Settings):
    """Which Great Expectations project and checkpoint validate the warehouse."""

    ge_project_dir: Path | None = Field(None, description="folder of great_expectations.yml")
    ge_checkpoint_name: str = Field("daily_validation", description="checkpoint to run")
