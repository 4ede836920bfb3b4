"""Anything that a user can fix is one line and exit code 2, in every command."""

import subprocess
from pathlib import Path

import pytest

from support.http_server import refused_port
from support.stack_process import COMMAND, ROOT, StackProcess

SOURCE = "kind: soap\nname: crm\n"
CONNECTION = "name: crm\nname: desk\nconnector: {package: source-x==1, executable: x}\n"


def refused(stack: StackProcess, *arguments: str) -> str:
    done = stack.run(COMMAND, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout
    return lines[0]


@pytest.fixture
def stack(tmp_path) -> StackProcess:
    return StackProcess(tmp_path / "stack")


@pytest.mark.parametrize(
    ("variable", "content", "told"),
    [
        ("DLT_SOURCES_DIR", SOURCE, "rest_api"),
        ("AIRBYTE_CONNECTION_FILE", CONNECTION, "the key 'name' twice"),
    ],
)
def test_a_wrong_declaration(stack, tmp_path, variable, content, told):
    (tmp_path / "declared").mkdir()
    (tmp_path / "declared" / "wrong.yml").write_text(content)
    stack.environment[variable] = str(tmp_path / "declared")
    line = refused(stack, "run", "incremental_sync_pipeline")
    assert "wrong.yml" in line
    assert told in line


@pytest.mark.parametrize("name", ["marts.duckdb", "temp", "freelancer_raw.db"])
def test_a_warehouse_named_like_a_schema(stack, tmp_path, name):
    stack.environment["WAREHOUSE_PATH"] = str(tmp_path / name)
    assert refused(stack, "query", "select 1").startswith("WAREHOUSE_PATH: got ")


@pytest.mark.parametrize("command", [("dbt", "parse"), ("run",)])
def test_a_warehouse_that_no_command_can_use(stack, tmp_path, command):
    stack.environment["WAREHOUSE_PATH"] = str(tmp_path / "temp")
    assert refused(stack, *command).startswith("WAREHOUSE_PATH: got ")


def test_a_checkpoint_that_does_not_exist(stack):
    stack.environment["GE_CHECKPOINT_NAME"] = "nope"
    assert "nope" in refused(stack, "run")


def test_a_database_for_the_runs_that_cannot_be_reached(stack):
    with refused_port() as port:
        url = f"postgresql://stack:s3cret-of-the-runs@127.0.0.1:{port}/dagster"
        stack.environment["DAGSTER_POSTGRES_URL"] = url
        lines = [
            refused(stack, *arguments)
            for arguments in (("run", "pipeline_monitoring"), ("dev",), ("start", "any_schedule"))
        ]
    assert all(line.startswith("DAGSTER_POSTGRES_URL: ") for line in lines)
    assert not any("s3cret-of-the-runs" in line for line in lines)


@pytest.mark.parametrize("command", [("observe",), ("start", "any_schedule"), ("status",)])
def test_an_instance_that_is_not_there(stack, tmp_path, command):
    stack.environment["DAGSTER_HOME"] = str(tmp_path / "nowhere")
    assert refused(stack, *command).startswith("DAGSTER_HOME: found ")


def test_a_home_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "stack"
    line = refused(StackProcess(home), "run", "pipeline_monitoring")
    assert str(home) in line or str(tmp_path / "file") in line


def test_a_query_with_a_dollar_reaches_duckdb_through_make(stack):
    done = subprocess.run(
        ["make", "query", "SQL=select '$HOME and $$' as price"],
        cwd=ROOT, env=stack.env(), capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert "$HOME and $$" in done.stdout, done.stdout + done.stderr


def test_a_wrong_query_is_duckdbs_line_and_debug_shows_where_it_came_from(stack):
    assert "no_such_table" in refused(stack, "query", "select * from no_such_table")
    assert "Traceback" in stack.run(COMMAND, "--debug", "query", "select * from nowhere").stderr


def test_clean_keeps_what_people_dropped_and_says_so(tmp_path):
    home = tmp_path / "stack"
    kept = [home / "incoming/processed/orders.csv", home / "quarantine/files/a/bad.csv",
            home / "alerts/archived/a.json", home / "exports/books/clients.csv",
            home / "letters/to-mum.txt"]  # fmt: skip
    gone = [home / "warehouse.duckdb", home / "dagster/dagster.yaml", home / "lake/catalog.sqlite"]
    for file in (*kept, *gone):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *arguments], cwd=ROOT, env=StackProcess(home).env(), capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip

    said = make("clean").stdout
    assert [file for file in gone if file.exists()] == []
    assert all(file.exists() for file in kept)
    assert all(f"kept {home / Path(name)}" in said for name in ("incoming", "alerts", "letters"))
    assert make("clean-files").returncode != 0
    assert all(file.exists() for file in kept)
    make("clean-files", "CONFIRM=yes")
    left = [file for file in home.rglob("*") if file.is_file()]
    assert left == [home / "letters/to-mum.txt"], "nothing that isn't the stack's"
