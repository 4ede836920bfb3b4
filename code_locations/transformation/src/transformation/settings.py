"""Environment variables of the transformation location."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from stack.settings import Settings


class DbtSettings(Settings):
    """Which dbt project runs, against which target."""

    dbt_project_dir: Path | None = Field(None, description="folder of dbt_project.yml")
    dbt_profiles_dir: Path | None = Field(None, description="folder of profiles.yml")
    dbt_target: str = Field("dev", description="target in profiles.yml")
