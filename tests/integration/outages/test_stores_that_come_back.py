"""Where it is safe, a step waits for a store that is away, then continues, and says so once."""

import threading

import dagster as dg
import pytest
from dagster_postgres import PostgresEventLogStorage, utils

from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.run_storage import wait_for_run_storage
from stack.storage import filesystem
from stack.warehouse import connect, connection
from support.cable import mended_when_waited_for
from support.servers import wait_until


def break_off(cable):
    cable.cut()


def overload(cable):
    cable.answer("503 Slow Down")


@pytest.mark.parametrize("how", [break_off, overload])
def test_s3_amid_artifacts(s3_by_cable, s3_cable, how):
    store = ArtifactStore(f"{s3_by_cable}/artifacts")
    how(s3_cable)
    with mended_when_waited_for(s3_cable) as said:
        store.put_json("run-1", "dbt/manifest.json", {"n": 1})
    how(s3_cable)
    with mended_when_waited_for(s3_cable) as said_of_reading:
        assert store.get_json("dbt/manifest.json", "run-1") == {"n": 1}
    assert [len(said), len(said_of_reading)] == [1, 1]
    assert f"S3 at http://127.0.0.1:{s3_cable.port} is away: waiting up to 1" in said[0]


def test_s3_is_sent_files_without_asking_whether_it_takes_them(s3_by_cable, s3_cable):
    """The answer to that is awaited for ever."""
    fs, folder = filesystem(s3_by_cable)
    fs.pipe_file(f"{folder}/file", b"1")
    assert b"PUT " in s3_cable.sent
    assert b"100-continue" not in s3_cable.sent


def test_s3_amid_an_alert(s3_by_cable, s3_cable):
    s3_cable.cut()
    alert = Alert(type="dbt_test_failure", severity="error", description="2 rows", source="dbt")
    with mended_when_waited_for(s3_cable):
        url = write_alert(f"{s3_by_cable}/alerts", alert)
    fs, folder = filesystem(f"{s3_by_cable}/alerts")
    assert [path.rsplit("/", 1)[-1] for path in fs.ls(folder, detail=False)] == [
        url.rsplit("/")[-1]
    ]


def test_s3_amid_statements_of_duckdb(lake, s3_cable, tmp_path, monkeypatch):
    """DuckDB waits by itself, and tells nobody."""

    monkeypatch.setitem(connection.PATIENT_HTTP, "http_retry_wait_ms", 50)

    def mend_after_tries():
        """More than the four that DuckDB makes by default."""
        seen = s3_cable.connections
        wait_until(lambda: s3_cable.connections > seen + 5, "six tries", tmp_path)
        s3_cable.mend()

    t = f"{lake.database}.main.t"
    with connect(lake) as warehouse:
        for statement in (f"create table {t} as select 1 as one", f"insert into {t} from {t}"):
            s3_cable.answer("503 Slow Down")
            helper = threading.Thread(target=mend_after_tries, daemon=True)
            helper.start()
            warehouse.cursor().execute(statement)  # as dlt and dbt do
            helper.join()
        assert warehouse.execute(f"select count(*) from {t}").fetchone() == (2,)


@pytest.mark.parametrize("read_only", [False, True])
def test_the_lakes_catalog_as_it_is_opened(lake, postgres_cable, read_only):
    with connect(lake) as warehouse:
        warehouse.execute("create table t as select 1 as one")
    postgres_cable.cut()
    with (
        mended_when_waited_for(postgres_cable) as said,
        connect(lake, read_only=read_only) as warehouse,
    ):
        assert warehouse.execute("from t").fetchall() == [(1,)]
    assert len(said) == 1
    assert "the DuckLake's catalog is away: waiting up to 1" in said[0]
    assert "unused" not in said[0]  # the password


def test_the_run_storage_as_an_event_is_stored(postgres_by_cable, postgres_cable, monkeypatch):
    monkeypatch.setattr(utils, "retry_pg_connection_fn", utils.retry_pg_connection_fn)
    wait_for_run_storage()
    storage = PostgresEventLogStorage(postgres_by_cable)
    postgres_cable.cut()
    with mended_when_waited_for(postgres_cable, "stack.run_storage") as said:
        storage.store_event(event("step is done"))
    assert [e.user_message for e in storage.get_logs_for_run("run-1")] == ["step is done"]
    assert len(said) == 1


def event(message):
    return dg.EventLogEntry(
        error_info=None,
        level="info",
        user_message=message,
        run_id="run-1",
        timestamp=0.0,
        job_name="daily",
    )
