"""The fields of each artifact that its readers rely on, recorded for each format in a file.

`python -m scripts.artifact_shapes` records formats that have no file yet. Recorded files never
change; tests check what is written today against them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stack.alerts import Alert
from stack.artifacts import Artifact
from stack.gx_artifacts import ValidationResult
from stack.held import Claims
from stack.load_report import LoadReport
from stack.quarantine import Entry
from stack.remediation.handover import Rebuild, Reingestion, Verdict

FOLDER = Path(__file__).parents[1] / "tests" / "unit" / "stack" / "artifacts"
ARTIFACTS: tuple[type[Artifact], ...] = (
    Alert, Claims, Entry, LoadReport, Rebuild, Reingestion, ValidationResult, Verdict,
)  # fmt: skip
# What doesn't matter to a reader.
_SAID = {"title", "description", "default", "additionalProperties"}


def shape(artifact: type[Artifact]) -> Any:
    """Its JSON schema without texts and defaults."""
    return _bare(artifact.model_json_schema())


def file_of(artifact: type[Artifact]) -> Path:
    """The file that records the shape of its format."""
    return FOLDER / f"{artifact.__name__}-{artifact.model_fields['format'].default}.json"


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _bare(part) for name, part in said.items()}
        if key in ("properties", "$defs")
        else _bare(said)
        for key, said in schema.items()
        if key not in _SAID
    }


def main() -> None:
    """Record the formats that aren't recorded yet."""
    FOLDER.mkdir(exist_ok=True)
    for artifact in ARTIFACTS:
        if not file_of(artifact).exists():
            file_of(artifact).write_text(json.dumps(shape(artifact), indent=1) + "\n")


if __name__ == "__main__":
    main()
