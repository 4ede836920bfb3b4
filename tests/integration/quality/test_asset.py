"""The asset and the checks in Dagster: what a run records, fails on and leaves."""

import json
import shutil
import stat
import zipfile
from pathlib import Path

import dagster as dg
import pytest

from integration.quality.books import checkpoint, validate, write_books, write_raw_books
from integration.quality.wrongs import IN_THE_RAW_TABLES
from quality.assets import (
    CHECKPOINT,
    great_expectations_checks,
    great_expectations_validation,
)
from quality.declarations import load_checkpoint

NEGATIVE = next(wrong.sql for wrong in IN_THE_RAW_TABLES if wrong.name == "negative minutes")
ENTRIES = dg.AssetKey(["raw", "books_time_entries"])
MINUTES = "expect_column_values_to_be_between__minutes"


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


@pytest.fixture
def only_time_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quality.assets.CHECKPOINT", checkpoint("raw.books_time_entries"))


def test_good_data_passes_and_every_declared_check_is_evaluated(
    stack_home: Path, instance: dg.DagsterInstance
) -> None:
    write_books()
    result = dg.materialize([great_expectations_validation], instance=instance)
    evaluations = result.get_asset_check_evaluations()
    assert [e.check_name for e in evaluations if not e.passed] == []
    assert {e.asset_check_key for e in evaluations} == set(great_expectations_checks.check_keys)
    (materialization,) = result.asset_materializations_for_node("great_expectations_validation")
    shown = {name: value.value for name, value in materialization.metadata.items()}
    assert (shown["successes"], shown["failures"]) == (len(evaluations), 0)
    assert "| raw.books_invoices | 24 |" in shown["tables"]
    artifact = json.loads((stack_home / "artifacts/latest/gx/validation_result.json").read_text())
    assert artifact["success"]
    assert len(artifact["results"]) == len(evaluations)
    assert artifact["data_docs"] == shown["data_docs"]
    assert not (stack_home / "alerts").exists()


@pytest.mark.usefixtures("only_time_entries")
def test_bad_data_fails_the_run_after_everything_is_recorded(
    stack_home: Path, instance: dg.DagsterInstance
) -> None:
    write_raw_books(NEGATIVE)
    result = dg.materialize(
        [great_expectations_validation], instance=instance, raise_on_error=False
    )
    assert not result.success
    failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert [(e.asset_key, e.check_name, e.severity) for e in failed] == [
        (ENTRIES, MINUTES, dg.AssetCheckSeverity.ERROR)
    ]
    assert "| 11 | -30 |" in str(failed[0].metadata["sample"].value)

    (file,) = (stack_home / "alerts").iterdir()
    alert = json.loads(file.read_text())
    assert alert["type"] == "great_expectations_failure"
    assert (alert["severity"], alert["tables"]) == ("critical", ["raw.books_time_entries"])
    assert alert["run_id"] == result.run_id

    folder = stack_home / "artifacts/runs" / result.run_id
    artifact = json.loads((folder / "gx/validation_result.json").read_text())
    assert not artifact["success"]
    assert [r["check_name"] for r in artifact["results"] if not r["success"]] == [MINUTES]

    with zipfile.ZipFile(folder / "gx/data_docs.zip") as pages:
        assert MINUTES in pages.read("index.html").decode()

    docs = stack_home / "data_docs"
    assert result.run_id in (docs / "index.html").read_text()
    run = docs / "runs" / result.run_id
    assert MINUTES in (run / "index.html").read_text()
    (page,) = (run / "validations/raw/books_time_entries").glob(f"{result.run_id}/*/*.html")
    assert "-30" in page.read_text()
    assert not any("://" in p.read_text() for p in run.rglob("*.html"))


@pytest.mark.usefixtures("only_time_entries")
def test_a_step_that_is_retried_writes_one_alert(
    stack_home: Path, instance: dg.DagsterInstance
) -> None:
    write_raw_books(NEGATIVE)
    definitions = dg.Definitions(
        assets=[great_expectations_validation],
        jobs=[
            dg.define_asset_job(
                "validate",
                selection="great_expectations_validation",
                op_retry_policy=dg.RetryPolicy(max_retries=1),
                executor_def=dg.in_process_executor,
            )
        ],
    )
    result = definitions.resolve_job_def("validate").execute_in_process(
        instance=instance, raise_on_error=False
    )
    events = [event.event_type for event in result.all_events]
    assert dg.DagsterEventType.STEP_RESTARTED in events
    assert len(list((stack_home / "alerts").iterdir())) == 1
    assert len(list((stack_home / "data_docs/runs").iterdir())) == 1


def test_a_check_runs_alone(stack_home: Path, instance: dg.DagsterInstance) -> None:
    write_raw_books(NEGATIVE)
    definitions = dg.Definitions(
        asset_checks=[great_expectations_checks],
        jobs=[
            dg.define_asset_job(
                "one_check",
                selection=dg.AssetSelection.checks(dg.AssetCheckKey(ENTRIES, MINUTES)),
                executor_def=dg.in_process_executor,
            )
        ],
    )
    result = definitions.resolve_job_def("one_check").execute_in_process(
        instance=instance, raise_on_error=False
    )
    assert [(e.check_name, e.passed) for e in result.get_asset_check_evaluations()] == [
        (MINUTES, False)
    ]
    assert not (stack_home / "alerts").exists()
    assert not (stack_home / "data_docs").exists()


MISTAKES = """
rows:
  - expect_column_values_to_be_unique: {column: client_id}
  - expect_column_values_to_not_be_null: {column: surname}
  - expect_column_values_to_be_in_set: {column: country}
  - expect_column_values_to_be_between: {column: name, min_value: 1}
  - expect_column_mean_to_be_between: {column: payment_terms_days, max_value: 60}
rules:
  bad_sql: {sql: "select nothing from {table}", because: x, severity: warning}
measures:
  unknown_table: {sql: "select count(*) from {marts.nowhere}", because: x, between: [0, 1]}
"""

TOLD = {
    "expect_column_values_to_not_be_null__surname": "names column surname, but the table has",
    "expect_column_values_to_be_in_set__country": "needs the argument value_set",
    "expect_column_values_to_be_between__name": "expect_column_values_to_be_between__name can't",
    "expect_column_mean_to_be_between__payment_terms_days": "declare a rule or a measure",
    "expect_no_rows__bad_sql": "expect_no_rows__bad_sql can't be asked of the warehouse",
    "expect_column_values_to_be_between__unknown_table": "nowhere",
    "expect_column_values_to_be_unique__id": "no table",
}


def test_a_mistake_in_the_project_is_told_and_the_rest_is_judged(
    stack_home: Path,
    instance: dg.DagsterInstance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_raw_books()
    project = tmp_path / "project"
    shutil.copytree(CHECKPOINT.project, project, ignore=shutil.ignore_patterns("suites"))
    (project / "suites/raw").mkdir(parents=True)
    (project / "suites/raw/books_clients.yml").write_text(MISTAKES)
    (project / "suites/raw/nowhere.yml").write_text(
        "rows: [{expect_column_values_to_be_unique: {column: id}}]"
    )
    (project / "checkpoints.yml").write_text("daily_validation: {suites: ['*']}")
    monkeypatch.setattr("quality.assets.CHECKPOINT", load_checkpoint(project, "daily_validation"))
    result = dg.materialize(
        [great_expectations_validation], instance=instance, raise_on_error=False
    )
    assert not result.success
    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert {name for name, e in evaluations.items() if e.passed} == {
        "expect_column_values_to_be_unique__client_id"
    }
    for name, text in TOLD.items():
        assert text in str(evaluations[name].description)
        assert evaluations[name].severity is dg.AssetCheckSeverity.ERROR
    (file,) = (stack_home / "alerts").iterdir()
    alert = json.loads(file.read_text())
    assert alert["severity"] == "error"
    assert "7 expectation(s) of the project can't be judged" in alert["description"]


def test_a_read_only_project_is_left_alone_and_opens_in_great_expectations(
    stack_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import great_expectations as gx

    project = tmp_path / "read-only"
    shutil.copytree(CHECKPOINT.project, project)
    files = sorted(project.rglob("*"))
    for file in [*files, project]:
        file.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = {file: file.read_bytes() for file in files if file.is_file()}
    monkeypatch.setenv("GE_PROJECT_DIR", str(project))
    settings = write_raw_books()
    for run in ("run-1", "run-2"):
        assert validate(settings, "raw.books_clients", run_id=run).success

    assert {file: file.read_bytes() for file in before} == before
    assert sorted(project.rglob("*")) == files
    copy = stack_home / "great_expectations"
    assert (copy / "great_expectations.yml").stat().st_mode & stat.S_IWUSR
    context = gx.get_context(mode="file", context_root_dir=copy)
    names = [
        definition.name
        for definition in context.checkpoints.get("daily_validation").validation_definitions
    ]
    assert names == ["raw.books_clients", "raw.books_clients.measures"]
    assert len(context.suites.get("raw.books_clients").expectations) > 5
    assert [p.name for p in stack_home.iterdir() if p.name.startswith(".")] == []


def test_old_data_docs_are_forgotten(stack_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quality.data_docs.KEPT_RUNS", 2)
    settings = write_raw_books()
    for run in ("run-1", "run-2", "run-3"):
        validate(settings, "raw.shop_products", run_id=run)
    kept = {folder.name for folder in (stack_home / "data_docs/runs").iterdir()}
    assert kept == {"run-2", "run-3"}
