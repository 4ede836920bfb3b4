"""The parsed project: made once and reused by every run, wherever the project is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.artifacts import ArtifactStore
from stack.load_report import LoadReport, TableReport, write_report
from stack.raw import Column, RawTable
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect
from support.stack_process import COMMAND
from tests.integration.transformation.conftest import invoke_dbt, run_dbt
from transformation.graph import graph_of
from transformation.models import run_models, run_tests, select
from transformation.prepare import prepare
from transformation.project import DbtProject, DbtProjectError, load_manifest, load_project
from transformation.runner import invoke

MODEL = "models/marts/cash_in.sql"


@pytest.fixture
def copied(stack_home: Path, monkeypatch: pytest.MonkeyPatch) -> DbtProject:
    """A copy of the project, without what was parsed before."""
    folder = stack_home.parent / "dbt"
    shutil.copytree(
        load_project().project_dir, folder, ignore=shutil.ignore_patterns("target", "logs")
    )
    monkeypatch.setenv("DBT_PROJECT_DIR", str(folder))
    return load_project()


def test_project_is_parsed_when_there_is_no_manifest_and_again_when_a_file_changes(
    copied: DbtProject,
):
    assert copied.prepared_dir() is None

    manifest = load_manifest(copied)

    folder = copied.prepared_dir()
    assert folder == copied.project_dir / "target"
    assert "model.freelancer.cash_in" in manifest.nodes
    written = (folder / "manifest.json").stat().st_mtime_ns
    prepare(copied)
    assert (folder / "manifest.json").stat().st_mtime_ns == written

    with (copied.project_dir / MODEL).open("a") as file:
        file.write("-- changed\n")
    assert copied.prepared_dir() is None


def test_a_model_selects_from_a_table_that_a_loader_has_reported(copied: DbtProject):
    model = copied.project_dir / "models/staging/stg_crm__contacts.sql"
    model.write_text("select id from {{ source('crm', 'contacts') }}")
    table = RawTable(
        source="crm", name="contacts", columns=[Column(name="id", type="bigint")],
        primary_key=["id"],
    )  # fmt: skip
    report = LoadReport(
        loader="sources", asset="x", tables={"crm_contacts": TableReport(table=table)}
    )
    write_report(ArtifactStore(copied.artifacts), "run", report)
    settings = load_settings(WarehouseSettings)
    scratch = copied.stack_home / "scratch"

    run_models(copied, settings, scratch, print, select(["model.freelancer.stg_crm__contacts"]))

    with connect(settings) as connection:
        connection.execute(f"insert into {settings.dlt_dataset_name}.crm_contacts values (1), (1)")
        assert (
            connection.execute("select id from staging.stg_crm__contacts").fetchall() == [(1,)] * 2
        )
    graph = graph_of(load_manifest(copied))
    tests = [uid for uid, test in graph.tests.items() if test.table.endswith(".crm.contacts")]
    found = run_tests(copied, scratch, print, select(tests))
    assert [r.status for r in found.result.results] == ["fail"], "its key is judged, and isn't one"


def test_project_that_does_not_parse_is_named_with_the_reason(copied: DbtProject):
    with (copied.project_dir / MODEL).open("a") as file:
        file.write("{{ ref('no_such_model') }}")

    with pytest.raises(DbtProjectError) as raised:
        prepare(copied)

    assert str(raised.value).startswith(f"dbt can't parse {copied.project_dir} for ")
    assert "no_such_model" in str(raised.value)


def test_project_in_a_folder_that_cannot_be_written_is_parsed_into_the_home(copied: DbtProject):
    # A file where the folder would be stops root too, whom permissions don't.
    (copied.project_dir / "target").write_text("")

    assert prepare(copied) == copied.stack_home / "dbt"


def test_missing_project_names_the_variable(stack_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DBT_PROJECT_DIR", str(stack_home / "nowhere"))

    with pytest.raises(DbtProjectError, match="set DBT_PROJECT_DIR to the folder"):
        load_project().fingerprint()


def test_runs_reuse_the_parsed_project(modelled: WarehouseSettings):
    log = load_project().log_dir / "dbt.log"
    log.unlink()

    assert run_dbt(modelled, "--select", "stg_books__clients").result.success

    text = log.read_text()
    assert "Found 22 models" in text
    assert "Unable to do partial parsing" not in text
    # A folder without the parsed project is what the line looks like otherwise.
    assert invoke_dbt("ls", "--resource-type", "source").success
    assert "Unable to do partial parsing" in log.read_text()


def test_dbt_unit_tests_pass(modelled: WarehouseSettings):
    result = invoke_dbt("test", "--select", "test_type:unit")

    assert [(r.unique_id, r.message) for r in result.results if r.status != "pass"] == []
    assert len(result.results) >= 12


def test_dbt_by_hand_uses_the_stacks_warehouse(modelled: WarehouseSettings):
    done = subprocess.run(
        [COMMAND, "dbt", "show", "-s", "cash_in", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"WAREHOUSE_DATABASE": "wrong"},
    )

    assert done.returncode == 0, done.stdout
    assert "1920.00" in done.stdout or "1,920" in done.stdout


def test_profile_of_another_database_is_refused(
    modelled: WarehouseSettings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WAREHOUSE_PATH", str(modelled.stack_home / "other.duckdb"))
    project = load_project()
    mismatched = DbtProject(**(vars(project) | {"database": "warehouse"}))
    result = invoke(mismatched, ["run"], modelled.stack_home / "scratch" / "x")

    assert not result.success
    assert "run dbt by `make dbt`" in str(result.error)
