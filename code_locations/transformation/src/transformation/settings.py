"""Environment variables of the transformation location."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from stack.settings import Settings

# In a checkout the project is beside the package's sources.
_CHECKOUT_PROJECT = Path(__file__).resolve().parents[2] / "dbt"


class DbtSettings(Settings):
    """Which dbt project runs, against which target."""

    dbt_project_dir: Path | None = Field(None, description="folder of dbt_project.yml")
    dbt_profiles_dir: Path | None = Field(None, description="folder of profiles.yml")
    dbt_target: str = Field("dev", description="target in profiles.yml")

    @property
    def project_dir(self) -> Path:
        """Folder of dbt_project.yml."""
        return self.dbt_project_dir or _CHECKOUT_PROJECT

    @property
    def profiles_dir(self) -> Path:
        """Folder of profiles.yml."""
        return self.dbt_profiles_dir or self.project_dir
