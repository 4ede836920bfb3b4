"""A warm standby: a process that has done the slow imports and waits for work.

`python -P standby.py`; one line of JSON on standard input is `[arguments of dagster, environment]`.
It is run as a file, so that nothing of `stack` is imported before the state's own version. It ends
if the input ends without a line.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# What a code server imports to load a location, and to parse its dbt project if it has one.
DAGSTER = ("dagster._cli", "dagster._grpc.server")
DBT = ("dbt.adapters.duckdb", "dbt.cli.main")
# A project that makes dbt compile everything that it compiles lazily: 1.3 CPU seconds.
REHEARSAL = {
    "dbt_project.yml": "{name: rehearsal, profile: rehearsal, version: 1.0.0}",
    "profiles.yml": "rehearsal: {target: any, outputs: {any: {type: duckdb}}}",
    "models/a.sql": "select * from {{ source('s', 't') }}",
    "models/a.yml": """
sources: [{name: s, tables: [{name: t}]}]
models: [{name: a, columns: [{name: b, data_tests: [unique]}]}]
""",
}


def main() -> None:
    """Prepare while waiting for the line, then become `dagster` with these arguments."""
    for _ in _made_ready():
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    if line := sys.stdin.readline():
        arguments, environment = json.loads(line)
        _become(arguments, environment)


def _made_ready() -> Iterator[None]:
    """Prepare step by step."""
    project = os.environ.get("DBT_PROJECT_DIR", "")
    parses = bool(project) and Path(project).is_dir()
    for module in (*DAGSTER, *(DBT if parses else ())):
        importlib.import_module(module)
        yield
    if parses:
        yield from _rehearsed()


def _rehearsed() -> Iterator[None]:
    """Parse a project, and once more after an edit."""
    from dbt.cli.main import dbtRunner

    for name in [name for name in os.environ if name.startswith("DBT_")]:
        del os.environ[name]  # they are about another project
    with tempfile.TemporaryDirectory(prefix="dbt-rehearsal-") as folder:
        for name, text in REHEARSAL.items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        options = ["--project-dir", folder, "--profiles-dir", folder, "--log-path", folder]
        for _ in range(2):
            outcome = dbtRunner().invoke(["parse", *options, "--log-level", "none"])
            if not outcome.success:
                sys.stderr.write(f"dbt's rehearsal failed: {outcome.exception}\n")
            yield
            for name in ("models/a.sql", "models/a.yml"):
                with Path(folder, name).open("a") as edited:
                    edited.write("\n")


def _become(arguments: list[str], environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [path for path in paths if path and path not in sys.path]
    importlib.import_module("stack")  # sets up logging, as at the start of other processes
    cli = importlib.import_module("dagster._cli")
    sys.path.insert(0, "")  # Dagster removes the first entry, taking it for the script's folder
    sys.argv = ["dagster", *arguments]
    cli.main()


if __name__ == "__main__":
    main()
