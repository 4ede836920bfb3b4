"""From arrival to asset: the sensor's request, run as the ingestion location's slice."""

import subprocess
import sys
from pathlib import Path

import boto3
import dagster as dg
import pytest

from ingestion.incoming.sensor import file_arrival_sensor
from ingestion.location import LOCATION
from stack.artifacts import ArtifactStore
from stack.continuation import LOAD_ONLY_TAG
from stack.dbt_artifacts import MANIFEST
from stack.load_report import read_report
from stack.locations import location_definitions
from stack.pipelines import DAILY, FILES
from support.dbt import manifest
from support.incoming import Incoming
from support.servers import S3_KEY, S3_SECRET
from support.stack_process import clean_environment


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return location_definitions(LOCATION)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def requests(instance) -> list[dg.RunRequest]:
    """What the sensor asks for after a second look at the same files."""
    first = file_arrival_sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
    context = dg.build_sensor_context(instance=instance, cursor=first.cursor)
    return file_arrival_sensor.evaluate_tick(context).run_requests or []


def run(defs, instance, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(FILES.name).execute_in_process(
        run_config=request.run_config,
        asset_selection=request.asset_selection,
        tags=dict(request.tags),
        instance=instance,
        raise_on_error=False,
    )


def test_arrived_files_become_assets_and_an_artifact(stack_home, monkeypatch, defs, instance):
    monkeypatch.setenv("INCOMING_SETTLE_SECONDS", "0")
    inbox = Incoming(stack_home)
    store = ArtifactStore(str(stack_home / "artifacts"))
    store.put("dbt", MANIFEST, manifest().model_dump_json(by_alias=True).encode())
    inbox.drop("Orders.csv", "id,amount\n1,2.5\n2,3\n")
    inbox.drop("broken.json", "[")
    (request,) = requests(instance)
    assert request.tags[LOAD_ONLY_TAG] == "true"
    result = run(defs, instance, request)
    assert result.success
    event = instance.get_latest_materialization_event(dg.AssetKey(["raw", "files_orders"]))
    assert event is not None
    assert event.asset_materialization.metadata["dagster/row_count"].value == 2
    (done,) = result.asset_materializations_for_node("file_processing")[-1:]
    assert done.metadata["set_aside"].value == 1
    checked = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert checked == {
        "nothing_set_aside": False, "every_source_loaded": True, "every_row_accounted_for": True
    }  # fmt: skip
    report = read_report(store, "files")
    assert report.tables["files_orders"].rows_loaded == 2
    assert [found.name for found, _ in report.set_aside()] == ["broken.json"]
    assert [r.run_config for r in requests(instance)] == []


def test_a_run_that_cannot_load_a_file_fails_and_its_file_gets_another_run(
    stack_home, monkeypatch, defs, instance
):
    monkeypatch.setenv("INCOMING_SETTLE_SECONDS", "0")
    inbox = Incoming(stack_home)
    inbox.rows("create view files_orders as select 1 as id")
    inbox.drop("orders.csv", "id\n7\n")
    (first,) = requests(instance)
    assert not run(defs, instance, first).success
    inbox.rows("drop view files_orders")
    (second,) = requests(instance)
    assert second.run_key != first.run_key
    assert run(defs, instance, second).success
    assert inbox.rows("select id from files_orders") == [(7,)]


def test_by_hand_it_takes_what_is_there(stack_home, monkeypatch, defs, instance):
    monkeypatch.setenv("INCOMING_SETTLE_SECONDS", "0")
    inbox = Incoming(stack_home)
    inbox.drop("orders.csv", "id\n7\n")
    assert run(defs, instance, dg.RunRequest()).success
    assert inbox.rows("select id from files_orders") == [(7,)]
    assert run(defs, instance, dg.RunRequest()).success, "an empty inbox is no failure"


def test_the_daily_pipeline_does_not_process_files(defs):
    names = {node.name for node in defs.resolve_job_def(DAILY.name).nodes}
    assert names == {"airbyte_sync_job", "dlt_ingestion_pipeline"}


def test_files_arrive_in_a_bucket_too(stack_home, s3, monkeypatch, defs, instance):
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INCOMING_URL", f"s3://{s3.bucket}/arrived")
    monkeypatch.setenv("INCOMING_SETTLE_SECONDS", "0")
    inbox = Incoming(stack_home)
    client = boto3.client(
        "s3", endpoint_url=s3.endpoint, aws_access_key_id=S3_KEY,
        aws_secret_access_key=S3_SECRET, region_name="us-east-1",
    )  # fmt: skip
    for name, content in {"a.csv": "id\n1\n", "a/2.jsonl": '{"id": 2}\n', "bad.json": "["}.items():
        client.put_object(Bucket=s3.bucket, Key=f"arrived/{name}", Body=content.encode())
    (request,) = requests(instance)
    assert run(defs, instance, request).success
    assert inbox.rows("select id, _file from files_a order by id") == [
        (1, "a.csv"),
        (2, "a/2.jsonl"),
    ]
    keys = {item["Key"] for item in client.list_objects_v2(Bucket=s3.bucket)["Contents"]}
    assert {key for key in keys if key.startswith("arrived/")} == {
        "arrived/processed/a.csv",
        "arrived/processed/a/2.jsonl",
    }
    assert Path(inbox.set_aside()["bad.json"].place).read_text() == "["
    assert [r.run_config for r in requests(instance)] == []


def test_a_declared_table_of_files_is_an_asset_after_its_step(stack_home):
    # The assets are made when the module is imported, so a process of its own.
    inbox = Incoming(stack_home)
    inbox.drop("orders.csv", "id,amount\n1,2.5\n")
    code = """
import dagster as dg
from stack import raw
orders = raw.RawTable(source="files", name="orders", primary_key=("id",), loader="file_processing",
    columns=(raw.Column(name="id", type="bigint"), raw.Column(name="amount", type="decimal(18,2)")))
declared = raw._all()
raw._all = lambda: (*declared, orders)
from ingestion.assets import file_processing
@dg.asset(deps=[dg.AssetKey(["raw", "files_orders"])])
def stg_orders(): ...
result = dg.materialize([file_processing, stg_orders], instance=dg.DagsterInstance.ephemeral())
print([e.asset_key.to_user_string() for e in result.get_asset_materialization_events()])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(STACK_HOME=str(stack_home), INCOMING_SETTLE_SECONDS="0"),
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    done = "['file_processing', 'raw/files_orders', 'stg_orders']"
    assert ran.stdout.splitlines()[-1] == done
    assert inbox.rows("select id, amount::varchar from files_orders") == [(1, "2.50")]
