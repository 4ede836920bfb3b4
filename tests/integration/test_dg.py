"""Dagster's own `dg` finds the code locations, in the workspace and in each project."""

import json
import subprocess
import sys
from pathlib import Path

from support.stack_process import ROOT, clean_environment

DG = str(Path(sys.executable).with_name("dg"))


def dg(home: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [DG, *arguments], cwd=folder, env=clean_environment(STACK_HOME=str(home)),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_dg_lists_what_a_location_defines(tmp_path):
    listed = dg(tmp_path, ROOT / "code_locations/catalog", "list", "defs", "--json")
    defined = json.loads(listed)
    assert "datahub_metadata_ingestion" in {asset["asset_key"] for asset in defined["assets"]}
    assert "daily_data_pipeline" in {job["name"] for job in defined["jobs"]}


def test_dg_loads_every_location_of_the_workspace(tmp_path):
    dg(tmp_path, ROOT, "check", "defs", "--use-active-venv")
