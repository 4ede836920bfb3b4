"""Parses the dbt project ahead of time: `python -m transformation.prepare`.

Called by `make setup`, by image builds, and by a location that finds no current manifest.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from stack.files import write_file
from transformation.fingerprints import code_versions
from transformation.project import (
    CODE_VERSIONS,
    PARTIAL_PARSE,
    PREPARED_FILES,
    DbtProject,
    DbtProjectError,
    load_project,
)
from transformation.runner import invoke

logger = logging.getLogger(__name__)


def prepare(project: DbtProject) -> Path:
    """Parse the project; return the folder of the manifest. Does nothing if it is current."""
    folder = project.prepared_dir()
    if folder is not None:
        return folder
    # Taken before dbt reads the files: one that changes meanwhile makes the manifest stale.
    fingerprint = project.fingerprint()
    with tempfile.TemporaryDirectory(prefix="dbt-parse-") as scratch:
        _begin_from_the_former(project, Path(scratch))
        result = invoke(project, ["parse"], Path(scratch))
        if not result.success:
            raise DbtProjectError(
                f"dbt can't parse {project.project_dir} for target {project.target!r} "
                f"(DBT_TARGET) of {project.profiles_dir / 'profiles.yml'}: {result.error}"
            )
        versions = code_versions(project, Path(scratch))
        (Path(scratch) / CODE_VERSIONS).write_text(json.dumps(versions))
        (Path(scratch) / "fingerprint").write_text(fingerprint)
        return _publish(Path(scratch), project)


def _begin_from_the_former(project: DbtProject, scratch: Path) -> None:
    """Copy the last parse, so that dbt parses only what it finds changed."""
    for folder in project.prepared_dirs:
        if (folder / PARTIAL_PARSE).is_file():
            shutil.copyfile(folder / PARTIAL_PARSE, scratch / PARTIAL_PARSE)
            return


def _publish(scratch: Path, project: DbtProject) -> Path:
    """Move the files to the first writable folder; the fingerprint comes last."""
    for folder in project.prepared_dirs:
        try:
            for name in PREPARED_FILES:
                write_file(folder / name, (scratch / name).read_bytes())
        except OSError as error:
            logger.info("%s can't be written (%s)", folder, error)
            continue
        return folder
    folders = " and ".join(map(str, project.prepared_dirs))
    raise DbtProjectError(f"the parsed dbt project can be written neither to {folders}")


def main() -> int:
    """Command line; exit code 1 with one line if the project doesn't parse."""
    try:
        prepare(load_project())
    except DbtProjectError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
