"""`dlt_ingestion_pipeline` and its raw tables, materialised as in the README."""

import dagster as dg

from ingestion import books as books_module
from ingestion.assets import dlt_ingestion_pipeline
from stack.artifacts import ArtifactStore
from stack.load_report import LoadReport, read_report
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


def report_of(stack_home) -> LoadReport:
    report = read_report(ArtifactStore(str(stack_home / "artifacts")), "books")
    assert report is not None
    return report


def test_tables_carry_counts_columns_and_a_sample(exports_in_a_file, stack_home):
    exports_in_a_file.clients("clients.csv", "1,A|B,2025-01-01", "2,C,2025-01-01")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
    found = materialized(result)[CLIENTS]
    assert found["dagster/row_count"] == found["rows_loaded"] == found["rows_read"] == 2
    assert found["dagster/table_name"] == "warehouse.freelancer_raw.books_clients"
    schema = {column.name: column for column in found["dagster/column_schema"].columns}
    assert schema["created_on"].type == "date"
    assert schema["name"].description.startswith("Present name")
    assert "| 1 | A\\|B | DE |" in found["sample"]
    assert found["inputs"] == "- clients.csv"
    assert materialized(result)[ASSET]["inputs_loaded"] == 1
    tables = report_of(stack_home).tables
    assert tables.keys() == {f"books_{table.name}" for table in raw_tables("books")}
    assert tables["books_clients"].rows_total == 2


def test_a_run_evaluates_its_checks_and_one_bad_file_does_not_stop_the_others(
    exports_in_a_file, stack_home
):
    exports_in_a_file.clients("clients/good.csv", "1,A,2025-01-01")
    exports_in_a_file.write("clients/bad.csv", CLIENTS_HEADER + "x,A,DE,EUR,30,2024-01-01,\n")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
        assert result.success
        assert evaluations(instance, result.run_id) == {
            (ASSET, "nothing_set_aside"): False,
            (ASSET, "every_source_loaded"): True,
            (ASSET, "every_row_accounted_for"): True,
        }
    ((found, part),) = report_of(stack_home).set_aside()
    assert found.name == "clients/bad.csv"
    assert "column client_id" in part.reason


def test_the_checks_run_alone_and_load_nothing(exports_in_a_file):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01")
    exports_in_a_file.write("unknown.csv", "a\n1\n")
    exports_in_a_file.load()
    exports_in_a_file.clients("clients/more.csv", "2,B,2025-01-01")
    checks = dg.AssetSelection.checks(*dlt_ingestion_pipeline.check_keys)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.Definitions(
            assets=[dlt_ingestion_pipeline], jobs=[dg.define_asset_job("checks", checks)]
        ).resolve_job_def("checks").execute_in_process(instance=instance)  # fmt: skip
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    assert [name for name, e in found.items() if not e.passed] == ["nothing_set_aside"]
    (row,) = found["nothing_set_aside"].metadata["waiting"].records
    assert row.data["input"] == "unknown.csv"
    assert row.data["reason"].startswith("no table is called")
    assert exports_in_a_file.rows("select client_id from books_clients") == [(1,)]


def test_a_file_whose_records_are_counted_otherwise_than_read_is_refused(
    exports_in_a_file, monkeypatch
):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01", "2,B,2025-01-01")
    monkeypatch.setattr("ingestion.files.delimited._count", lambda *_: 3)
    report = exports_in_a_file.load()
    assert "read in two ways, which gave 2 and 3 rows" in report.quarantined["clients.csv"]


def test_a_record_that_is_lost_without_a_word_fails_the_account(exports_in_a_file, monkeypatch):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01", "2,B,2025-01-01")
    load = books_module.load

    def losing(*arguments, **options):
        done = load(*arguments, **options)
        exports_in_a_file.rows("delete from books_clients where client_id = 2")
        table = done.tables["books_clients"]
        done.tables["books_clients"] = table.model_copy(update={"rows_total": 1})
        return done

    monkeypatch.setattr(books_module, "load", losing)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
    (failed,) = [e for e in result.get_asset_check_evaluations() if not e.passed
                 and e.check_name == "every_row_accounted_for"]  # fmt: skip
    assert "books_clients: 1 records are missing" in failed.description


def test_a_second_run_says_that_nothing_is_new(exports_in_a_file):
    exports_in_a_file.clients("clients.csv", "1,A,2025-01-01")
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([dlt_ingestion_pipeline], instance=instance)
        result = dg.materialize([dlt_ingestion_pipeline], instance=instance)
        messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "nothing new: 1 exports were loaded before" in messages
    assert materialized(result)[CLIENTS]["dagster/row_count"] == 1
    assert materialized(result)[CLIENTS]["rows_loaded"] == 0
