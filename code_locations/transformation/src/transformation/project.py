"""The dbt project: where it is, and its parsed manifest.

Dagster needs the manifest to list the models when the location loads, and dbt is too slow to import
there. So the project is parsed once (`python -m transformation.prepare`), into the project's
`target` folder, or below STACK_HOME where the project is read-only. A fingerprint beside the
manifest says whether it still matches the project's files and settings, and the raw tables that its
sources are generated from.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from stack.dbt_artifacts import Manifest
from stack.errors import StackError
from stack.files import write_file
from stack.raw import RawTable
from stack.settings import StackSettings, WarehouseSettings, load_settings
from transformation.settings import DbtSettings
from transformation.sources import hand_written, known_tables, package_files, sources_document

CODE_VERSIONS = "code_versions.json"
PARTIAL_PARSE = "partial_parse.msgpack"
PREPARED_FILES = ("manifest.json", PARTIAL_PARSE, CODE_VERSIONS, "fingerprint")
_PARSED_FOLDERS = ("models", "macros", "tests")


class DbtProjectError(StackError):
    """The dbt project can't be found or parsed; the message says why."""


@dataclass(frozen=True)
class DbtProject:
    """A dbt project with the settings that affect how it is parsed."""

    project_dir: Path
    profiles_dir: Path
    target: str
    database: str
    raw_schema: str
    stack_home: Path
    artifacts: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables that profiles.yml, dbt_project.yml and hand-written sources read."""
        return {
            "WAREHOUSE_DATABASE": self.database,
            "DLT_DATASET_NAME": self.raw_schema,
            "DBT_RAW_SOURCES": str(self._sources_dir()),
        }

    @property
    def raw_tables(self) -> tuple[RawTable, ...]:
        """The raw tables that models can select from."""
        return known_tables(self.artifacts)

    def sources(self) -> str:
        """The generated sources, except those that the project declares itself."""
        return sources_document(
            self.raw_tables,
            self.raw_schema,
            without=hand_written(self._files()),
            keys=(self.project_dir / "tests/generic/primary_key.sql").is_file(),
        )

    def _sources_dir(self) -> Path:
        """Folder of the generated sources, written if they are missing or outdated."""
        folders = [folder / "sources" for folder in self.prepared_dirs]
        wanted = package_files(self.sources())
        for folder in folders:
            there = {name: folder / name for name in wanted if (folder / name).is_file()}
            if {name: file.read_text() for name, file in there.items()} == wanted:
                return folder
        for folder in folders:
            try:
                for name, content in wanted.items():
                    write_file(folder / name, content)
            except OSError:
                continue
            return folder
        where = " nor ".join(map(str, folders))
        raise DbtProjectError(f"dbt's sources can be written neither to {where}")

    @property
    def log_dir(self) -> Path:
        """Folder of dbt.log."""
        return self.stack_home / "logs" / "dbt"

    @property
    def prepared_dirs(self) -> tuple[Path, Path]:
        """Where a prepared manifest may be, the preferred folder first."""
        return (self.project_dir / "target", self.stack_home / "dbt")

    def fingerprint(self) -> str:
        """Digest of everything that the manifest depends on."""
        digest = hashlib.sha256()
        facts = [self.target, self.database, self.raw_schema]
        facts += [version("dbt-core"), version("dbt-duckdb")]
        digest.update("\0".join([*facts, self.sources()]).encode())
        for path in self._files():
            # The project's location doesn't matter: it may have been parsed in another folder.
            inside = path.is_relative_to(self.project_dir)
            name = path.relative_to(self.project_dir) if inside else path.name
            digest.update(f"\0{name}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def prepared_dir(self) -> Path | None:
        """The folder with a manifest that matches the project as it is now, if there is one."""
        wanted = self.fingerprint()
        for folder in self.prepared_dirs:
            try:
                found = (folder / "fingerprint").read_text()
            except OSError:
                continue
            if found == wanted and all((folder / name).is_file() for name in PREPARED_FILES):
                return folder
        return None

    def _files(self) -> list[Path]:
        project = self.project_dir / "dbt_project.yml"
        profiles = self.profiles_dir / "profiles.yml"
        for file, variable in ((project, "DBT_PROJECT_DIR"), (profiles, "DBT_PROFILES_DIR")):
            if not file.is_file():
                raise DbtProjectError(
                    f"{file} doesn't exist: set {variable} to the folder that has {file.name}"
                )
        inside = (self.project_dir / folder for folder in _PARSED_FOLDERS)
        parsed = sorted(
            p for f in inside for p in f.rglob("*") if p.suffix in {".sql", ".yml", ".md"}
        )
        return [project, profiles, *parsed]


def load_project() -> DbtProject:
    """The project that the settings name."""
    dbt = load_settings(DbtSettings)
    stack, warehouse = load_settings(StackSettings), load_settings(WarehouseSettings)
    return DbtProject(
        project_dir=dbt.project_dir.resolve(),
        profiles_dir=dbt.profiles_dir.resolve(),
        target=dbt.dbt_target,
        database=warehouse.database,
        raw_schema=warehouse.dlt_dataset_name,
        stack_home=stack.stack_home.resolve(),
        artifacts=stack.artifacts,
    )


def prepared(project: DbtProject) -> Path:
    """Folder with the project's current manifest, parsing the project if there is none.

    Parses in a subprocess, unless this one has imported dbt already. Raises DbtProjectError with
    dbt's message if the project doesn't parse.
    """
    folder = project.prepared_dir()
    if folder is not None:
        return folder
    if "dbt.cli.main" in sys.modules:
        from transformation.prepare import prepare

        return prepare(project)
    environment = os.environ | project.environment
    done = subprocess.run(
        [sys.executable, "-m", "transformation.prepare"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    folder = project.prepared_dir()
    if done.returncode != 0 or folder is None:
        raise DbtProjectError(
            (done.stderr or done.stdout).strip()[-2000:] or f"dbt left no manifest in {folder}"
        )
    return folder


def load_manifest(project: DbtProject) -> Manifest:
    """The project as it is now, parsed."""
    return _read_manifest(prepared(project) / "manifest.json")


def load_parsed(project: DbtProject) -> tuple[Manifest, dict[str, str]]:
    """The project as it is now, and a digest of each model's definition, by unique id."""
    folder = prepared(project)  # only once: it reads all of the project's files
    return _read_manifest(folder / "manifest.json"), json.loads(
        (folder / CODE_VERSIONS).read_bytes()
    )


@cache
def _read_manifest(file: Path) -> Manifest:
    return Manifest.model_validate_json(file.read_bytes())


@contextmanager
def environment_of(project: DbtProject) -> Iterator[None]:
    """Set the project's variables in this process's environment, for dbt run inside it."""
    before = {name: os.environ.get(name) for name in project.environment}
    os.environ.update(project.environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
