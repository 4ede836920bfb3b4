"""A standby becomes the requested process, with the requested state of the code."""

import json
import subprocess
import sys
from pathlib import Path

from stack.sync import standby
from support.stack_process import clean_environment


def stand_by(told: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", standby.__file__], input=told,
        env=clean_environment(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_becomes_dagster_with_the_code_of_the_state(tmp_path):
    package = tmp_path / "stack"
    package.mkdir()
    (package / "__init__.py").write_text("import os; print('the state with', os.environ['WORD'])")
    environment = clean_environment(PYTHONPATH=str(tmp_path), WORD="a word")
    done = stand_by(json.dumps([["--version"], environment]) + "\n")
    assert done.returncode == 0, done.stderr
    said, version = done.stdout.splitlines()
    assert said == "the state with a word"
    assert version.startswith("dagster, version")


def test_ends_when_nobody_is_left_to_tell_it():
    done = stand_by("")
    assert (done.returncode, done.stdout) == (0, "")


def test_dbt_rehearses_whatever_the_location_has_set_for_its_own_project(tmp_path):
    made_ready = "import sys; sys.path.insert(0, sys.argv[1]); import standby; "
    made_ready += "print(len([*standby._made_ready()]))"
    done = subprocess.run(
        [sys.executable, "-c", made_ready, Path(standby.__file__).parent],
        env=clean_environment(
            DBT_PROJECT_DIR=str(tmp_path), DBT_TARGET="prod", DBT_TARGET_PATH=str(tmp_path)
        ),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.stderr == ""
    steps = [*standby.DAGSTER, *standby.DBT, "first", "edited"]
    assert done.stdout.splitlines()[-1] == str(len(steps))
    assert list(tmp_path.iterdir()) == []
