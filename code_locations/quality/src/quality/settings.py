"""Environment variables of the quality location."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from stack.paths import checkout_root
from stack.settings import Settings, SettingsError


class GreatExpectationsSettings(Settings):
    """Which Great Expectations project and checkpoint validate the warehouse."""

    ge_project_dir: Path | None = Field(
        None,
        description="folder of great_expectations.yml; default: the checkout's; may be read-only",
    )
    ge_checkpoint_name: str = Field("daily_validation", description="checkpoint to run")

    @property
    def project_dir(self) -> Path:
        """The Great Expectations project. Raises SettingsError if it isn't there."""
        root = checkout_root()
        default = root / "code_locations/quality/great_expectations" if root else None
        folder = self.ge_project_dir or default
        if folder is None or not (folder / "great_expectations.yml").is_file():
            raise SettingsError(
                f"GE_PROJECT_DIR: no great_expectations.yml in {folder or 'an unset folder'}; "
                "set it to the project's folder in the environment or .env"
            )
        return folder
