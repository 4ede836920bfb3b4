"""`dlt_ingestion_pipeline` and its raw tables, materialised as the README says."""

import json

import dagster as dg

from ingestion.books.assets import dlt_ingestion_pipeline
from ingestion.books.checks import books_checks
from stack.raw import raw_tables
from support.books import CLIENTS_HEADER

ASSET = dg.AssetKey("dlt_ingestion_pipeline")
TABLES = [dg.AssetKey(["raw", f"books_{table.name}"]) for table in raw_tables("books")]
CLIENTS = dg.AssetKey(["raw", "books_clients"])


def materialized(result: dg.ExecuteInProcessResult) -> dict[dg.AssetKey, dict]:
    return {
        event.asset_key: {k: v.value for k, v in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
    }


def evaluations(instance: dg.DagsterInstance, run_id: str) -> dict[tuple, bool]:
    found = {}
    for entry in instance.all_logs(run_id):
        event = entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            data = event.asset_check_evaluation_data
            found[(data.asset_key, data.check_name)] = data.passed
    return found


def test_it_runs_on_an_empty_warehouse_without_any_export(exports_in_a_file):
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
    found = materialized(result)
    assert set(found) == {ASSET, *TABLES}
    assert all(found[key]["dagster/row_count"] == 0 for key in TABLES)
    assert exports_in_a_file.rows("select count(*) from books_payments") == [(0,)]


def test_tables_carry_counts_columns_and_a_sample(exports_in_a_file, stack_home):
    exports_in_a_file.clients("clients.csv", "1,A|B,2025-01-01", "2,C,2025-01-01")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
    found = materialized(result)[CLIENTS]
    assert found["dagster/row_count"] == found["rows_loaded"] == 2
    assert found["dagster/table_name"] == "warehouse.freelancer_raw.books_clients"
    schema = {column.name: column for column in found["dagster/column_schema"].columns}
    assert schema["created_on"].type == "date"
    assert schema["name"].description.startswith("Present name")
    assert "| 1 | A\\|B | DE |" in found["sample"]
    assert found["files"] == "- `clients.csv`"
    assert materialized(result)[ASSET]["files_loaded"] == 1
    loads = json.loads((stack_home / "artifacts" / "latest" / "load" / "books.json").read_text())
    assert loads["tables"]["books_clients"]["rows_total"] == 2
    assert loads["tables"].keys() == {f"books_{table.name}" for table in raw_tables("books")}
    assert loads["quarantined"] == loads["schema_changes"] == []


def test_a_run_evaluates_the_checks_of_what_it_loaded(exports_in_a_file, stack_home):
    exports_in_a_file.clients("clients/good.csv", "1,A,2025-01-01")
    exports_in_a_file.write("clients/bad.csv", CLIENTS_HEADER + "x,A,DE,EUR,30,2024-01-01,\n")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
        assert result.success, "one bad file doesn't stop the others"
        assert evaluations(instance, result.run_id) == {
            (ASSET, "all_files_readable"): False,
            (CLIENTS, "primary_key_unique"): True,
        }
    loads = json.loads((stack_home / "artifacts" / "latest" / "load" / "books.json").read_text())
    [quarantined] = loads["quarantined"]
    assert quarantined["file"] == "clients/bad.csv"
    assert "column client_id" in quarantined["reason"]


def test_the_checks_run_alone_and_see_the_warehouse_as_it_is(exports_in_a_file):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01")
    exports_in_a_file.write("unknown.csv", "a\n1\n")
    exports_in_a_file.load()
    exports_in_a_file.rows("insert into books_clients from books_clients")
    with dg.DagsterInstance.ephemeral() as instance:
        # A check needs its assets known to Dagster, not materialised.
        result = dg.Definitions(
            assets=[dlt_ingestion_pipeline], asset_checks=[books_checks],
            jobs=[dg.define_asset_job("checks", dg.AssetSelection.checks(books_checks))],
        ).resolve_job_def("checks").execute_in_process(instance=instance)  # fmt: skip
    found = {(e.asset_key, e.check_name): e for e in result.get_asset_check_evaluations()}
    assert len(found) == 1 + len(TABLES)
    assert {key for key, e in found.items() if not e.passed} == {
        (ASSET, "all_files_readable"),
        (CLIENTS, "primary_key_unique"),
    }
    failed = found[CLIENTS, "primary_key_unique"]
    assert "| 1 | 2 |" in failed.metadata["keys"].value


def test_a_second_run_says_that_nothing_is_new(exports_in_a_file):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01")
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([dlt_ingestion_pipeline], instance=instance)
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
        messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "nothing new: 1 exports were loaded before" in messages
    assert materialized(result)[CLIENTS]["dagster/row_count"] == 1
    assert materialized(result)[CLIENTS]["rows_loaded"] == 0
