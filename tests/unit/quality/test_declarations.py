"""What the project declares, and how its mistakes are reported."""

from pathlib import Path

import pytest

from quality.declarations import (
    Kind,
    Severity,
    Suite,
    load_checkpoint,
    load_suites,
)
from quality.queries import failing_rows
from quality.settings import GreatExpectationsSettings
from stack.declarations import DeclarationError
from stack.paths import checkout_root
from stack.raw import raw_tables
from stack.settings import SettingsError, load_settings


def project() -> Path:
    return load_settings(GreatExpectationsSettings).project_dir


def daily() -> tuple[Suite, ...]:
    return load_checkpoint(project(), "daily_validation").suites


def mart_models() -> set[str]:
    root = checkout_root()
    assert root
    files = (root / "code_locations/transformation/dbt/models/marts").rglob("*.sql")
    return {f"marts.{file.stem}" for file in files}


def test_every_raw_table_and_mart_has_a_suite_and_no_other_has(stack_home: Path) -> None:
    # What layouts give to the books is judged with the books, in staging and in the marts.
    tables = {".".join(t.asset_path) for t in raw_tables() if t.source != "exports"}
    assert {suite.name for suite in daily()} == tables | mart_models()


@pytest.mark.parametrize("suite", daily(), ids=lambda suite: suite.name)
def test_a_suite_leaves_its_key_to_dbt(suite: Suite) -> None:
    assert suite.key
    unique = [e for e in suite.expectations if e.type.endswith("_to_be_unique")]
    assert suite.key not in [e.columns for e in unique]


@pytest.mark.parametrize("suite", daily(), ids=lambda suite: suite.name)
def test_a_suite_names_only_declared_columns_of_a_raw_table(suite: Suite) -> None:
    declared = {".".join(t.asset_path): {c.name for c in t.columns} for t in raw_tables()}
    if suite.name in declared:
        used = {c for e in suite.expectations if e.kind is Kind.ROWS for c in e.columns}
        assert used <= declared[suite.name]


def test_every_expectation_can_be_written_as_sql(stack_home: Path) -> None:
    for suite in daily():
        for expectation in suite.expectations:
            query = failing_rows(expectation, suite, "freelancer_raw")
            assert query.startswith(("select", "with"))
            assert '"raw"' not in query


def test_check_names_are_unique_in_a_table_and_fit_for_dagster(stack_home: Path) -> None:
    for suite in daily():
        names = [e.name for e in suite.expectations]
        assert len(names) == len(set(names))
        assert all(name.isidentifier() for name in names)


def test_every_suite_asks_more_than_keys_and_nulls(stack_home: Path) -> None:
    for suite in daily():
        assert {Kind.ROWS, Kind.RULE} <= {e.kind for e in suite.expectations}, suite.name
    reconciled = {
        s.name
        for s in daily()
        for e in s.expectations
        if "{books." in (e.sql or "") or "{raw." in (e.sql or "")
    }
    assert mart_models() <= reconciled


def write_project(folder: Path, suite: str, checkpoints: str = "daily: {suites: [raw.*]}") -> Path:
    file = folder / "suites/raw/books_clients.yml"
    file.parent.mkdir(parents=True)
    file.write_text(suite)
    (folder / "checkpoints.yml").write_text(checkpoints)
    return folder


NULL = "expect_column_values_to_not_be_null"


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        (
            f"rows: [{{{NULL}: {{column: name}}, severity: fatal}}]",
            ":1: rows.0.severity: found 'fatal', expected 'critical', 'warning' or 'info'",
        ),
        (f"rows: [{{{NULL}: {{column: [name, name]}}}}]", "declared twice"),
        (f"rows: [{{{NULL}: {{column: name, mostly: 0.9}}}}]", "declare a measure"),
        ("rows: [{column: name}]", "has one `expect_…: {arguments}`"),
        ("rows: [{because: nothing}]", "has one `expect_…: {arguments}`"),
        (
            "rule: {}",
            ":1: rule: found an unknown field, expected one of key, rows, rules, measures",
        ),
        (
            "rules: {nobody: {sql: select 1}}",
            ":1: rules.nobody.because: found nothing, expected a value",
        ),
        ("measures: {count: {sql: select 1, because: x}}", "measures.count.between: found nothing"),
        (
            "measures: {count: {sql: select 1, because: x, between: 3}}",
            "between: found 3, expected a list",
        ),
        ("rows: [a word]", "rows.0: found 'a word', expected a mapping"),
        ("rules: {nobody: select 1}", "rules.nobody: found 'select 1', expected a mapping"),
        ("- rows", "found a list, expected a mapping"),
        ("rows: [", "can't be read as YAML"),
    ],
)
def test_a_mistake_in_a_suite_names_the_file_and_what_to_do(
    tmp_path: Path, suite: str, said: str
) -> None:
    with pytest.raises(DeclarationError) as raised:
        load_suites(write_project(tmp_path, suite))
    assert "books_clients.yml" in str(raised.value)
    assert said in str(raised.value)


def test_an_unknown_checkpoint_is_named_with_those_that_exist(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "rows: []")
    with pytest.raises(DeclarationError, match=r"GE_CHECKPOINT_NAME.*'weekly'.*daily"):
        load_checkpoint(folder, "weekly")


def test_a_checkpoint_of_no_suite_is_refused(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "rows: []", "daily: {suites: [mart.*]}")
    with pytest.raises(DeclarationError, match=r"no suite is named like 'mart\.\*'"):
        load_checkpoint(folder, "daily")


def test_an_unknown_placeholder_is_told_with_those_that_exist(tmp_path: Path) -> None:
    folder = write_project(tmp_path, "rules: {x: {sql: 'select * from {tabel}', because: x}}")
    (suite,) = load_suites(folder)
    with pytest.raises(DeclarationError, match=r"no placeholder \{tabel\}; there are \{table\}"):
        failing_rows(suite.expectations[0], suite, "freelancer_raw")


def test_a_list_of_columns_is_one_check_each(tmp_path: Path) -> None:
    folder = write_project(tmp_path, f"rows: [{{{NULL}: {{column: [name, country]}}}}]")
    (suite,) = load_suites(folder)
    assert [e.name for e in suite.expectations] == [f"{NULL}__name", f"{NULL}__country"]
    assert [e.column for e in suite.expectations] == ["name", "country"]


def test_what_every_table_shares_is_in_each_suite_of_its_folder(tmp_path: Path) -> None:
    folder = write_project(tmp_path, f"rows: [{{{NULL}: {{column: name}}}}]")
    (folder / "suites/raw/every_table.yml").write_text(
        "rules: {late: {sql: 'select {key} from {table}', because: x, severity: info}}"
    )
    (suite,) = load_suites(folder)
    shared = suite.expectations[0]
    assert (shared.name, shared.severity) == ("expect_no_rows__late", Severity.INFO)
    query = failing_rows(shared, suite, "freelancer_raw")
    assert query == 'select "client_id" from "freelancer_raw"."books_clients"'


def test_a_project_that_is_not_there_names_the_variable(
    stack_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GE_PROJECT_DIR", str(tmp_path))
    with pytest.raises(SettingsError, match=r"GE_PROJECT_DIR: no great_expectations\.yml in"):
        _ = load_settings(GreatExpectationsSettings).project_dir
