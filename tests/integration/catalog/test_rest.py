"""The catalog asset against a DataHub metadata service over HTTP."""

import subprocess
import sys

import dagster as dg
import pytest

from catalog.assets import datahub_metadata_ingestion
from catalog.sinks import EmitError
from fakes.datahub_gms import DataHubGms, datahub_gms
from integration.catalog.conftest import without_times
from scripts.env_example import settings_classes
from stack.one_machine.home import prepare_dagster_home
from stack.settings import StackSettings, load_settings
from support.stack_process import ROOT

TOKEN = "a-token-that-nobody-must-see"


@pytest.fixture
def gms(stack, monkeypatch):
    """A server that wants a token, and a stack that has it; one retry, which waits for nothing."""
    monkeypatch.setattr("catalog.sinks.RETRIES", 1)
    monkeypatch.setattr("catalog.sinks.BATCH", 50)
    with datahub_gms(DataHubGms(token=TOKEN)) as gms:
        monkeypatch.setenv("DATAHUB_GMS_URL", gms.url)
        monkeypatch.setenv("DATAHUB_GMS_TOKEN", TOKEN)
        yield gms


def materialize(instance=None) -> dg.ExecuteInProcessResult:
    return dg.materialize([datahub_metadata_ingestion], instance=instance)


def undisturbed(stack) -> dict:
    """What an undisturbed run stores, by URN and aspect."""
    with datahub_gms() as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAHUB_GMS_URL", other.url)
        materialize()
        return without_times(other.stored)


def test_every_proposal_reaches_the_server_and_no_file_is_written(stack, gms):
    result = materialize()
    [event] = result.asset_materializations_for_node("datahub_metadata_ingestion")
    assert len(gms.stored) == event.metadata["aspects"].value > 300
    assert event.metadata["sink"].value == gms.url
    assert gms.requests[0] == "GET /config"
    assert not (stack / "catalog").exists()


def test_a_failure_on_the_second_request_fails_the_run_and_the_next_run_completes_it(stack, gms):
    expected = undisturbed(stack)
    gms.fault = lambda number, _proposals: 500 if number >= 2 else None
    with pytest.raises(EmitError) as error:
        materialize()
    assert len(gms.stored) == 50, "the first batch is stored, nothing of the second"
    refused = next(key for key in expected if key not in gms.stored)
    message = str(error.value)
    assert f"answered HTTP 500 to {refused[0]}, aspect {refused[1]}: told to answer" in message
    assert f"50 of {len(expected)} proposals are stored" in message
    assert "run datahub_metadata_ingestion again" in message

    gms.fault = lambda _number, _proposals: None
    materialize()
    assert without_times(gms.stored) == expected


def test_a_passing_failure_of_the_server_is_retried(stack, gms):
    gms.fault = lambda number, _proposals: 503 if number == 2 else None
    materialize()
    assert without_times(gms.stored) == undisturbed(stack)


def test_one_refused_proposal_is_named_though_it_was_sent_among_others(stack, gms):
    culprit = "urn:li:dataset:(urn:li:dataPlatform:duckdb,warehouse.marts.client_revenue,DEV)"

    def refuse(_number, proposals):
        bad = any(p.entityUrn == culprit and p.aspectName == "ownership" for p in proposals)
        return 422 if bad else None

    gms.fault = refuse
    with pytest.raises(EmitError) as error:
        materialize()
    assert f"answered HTTP 422 to {culprit}, aspect ownership" in str(error.value)
    assert "upgrade it" in str(error.value)
    assert (culprit, "operation") in gms.stored
    assert (culprit, "schemaMetadata") not in gms.stored


def test_a_wrong_token_says_which_variable_to_correct_and_shows_no_token(
    stack, gms, monkeypatch, caplog
):
    monkeypatch.setenv("DATAHUB_GMS_TOKEN", f"{TOKEN}-mistyped")
    gms.echoes_the_token = True
    with dg.DagsterInstance.ephemeral() as instance, caplog.at_level("DEBUG"):
        with pytest.raises(EmitError, match=r"HTTP 401 to .*set DATAHUB_GMS_TOKEN"):
            materialize(instance)
        [run] = instance.get_runs()
        events = [str(entry) for entry in instance.all_logs(run.run_id)]
    assert gms.stored == {}
    assert TOKEN not in caplog.text
    assert not any(TOKEN in event for event in events)


def test_a_token_is_in_no_log_and_no_metadata_of_a_good_run(stack, gms, caplog):
    with dg.DagsterInstance.ephemeral() as instance, caplog.at_level("DEBUG"):
        run_id = materialize(instance).run_id
        events = [str(entry) for entry in instance.all_logs(run_id)]
    assert TOKEN not in caplog.text
    assert not any(TOKEN in event for event in events)


def test_a_server_that_is_down_is_named_before_anything_is_sent(stack, gms, monkeypatch):
    monkeypatch.setenv("DATAHUB_GMS_URL", "http://127.0.0.1:9")
    with pytest.raises(EmitError, match=r"http://127\.0\.0\.1:9 does not answer as a DataHub"):
        materialize()


def test_a_server_that_is_not_datahub_gets_nothing(stack, gms):
    gms.is_datahub = False
    with pytest.raises(EmitError, match="does not answer as a DataHub metadata service"):
        materialize()
    assert gms.requests == ["GET /config"]


BROKEN = """
import dagster as dg
from catalog.assets import datahub_metadata_ingestion
from scripts.env_example import settings_classes
from stack.settings import load_settings
secrets = [s.get_secret_value() for cls in settings_classes() for _, s in load_settings(cls)
           if hasattr(s, "get_secret_value")]

@dg.asset
def library_that_tells_all(context) -> None:
    context.log.info("about to send %s", secrets)
    print("nothing of ours")
    context.add_output_metadata({"sent": str(secrets), "parts": {"of": secrets}})

@dg.asset
def library_that_fails() -> None:
    try:
        raise KeyError(secrets)
    except KeyError as error:
        raise RuntimeError(f"could not send {secrets}") from error

with dg.DagsterInstance.get() as instance:
    for asset in (library_that_tells_all, library_that_fails, datahub_metadata_ingestion):
        done = dg.materialize([asset], instance=instance, raise_on_error=False)
        print(asset.op.name, done.success)
"""


def test_no_secret_setting_is_in_anything_that_a_run_writes(stack, gms, monkeypatch):
    gms.token, gms.echoes_the_token = "another", True
    canaries = {
        name: f"canary-{name}/9f3a7c"
        for cls in settings_classes()
        for name, field in cls.model_fields.items()
        if "SecretStr" in str(field.annotation)
        and name not in ("dagster_postgres_url", "ducklake_catalog_url", "airbyte_password")
    }
    assert len(canaries) >= 4
    for name, canary in canaries.items():
        address = "https://example.org/" if name == "notify_ping_url" else ""
        monkeypatch.setenv(name.upper(), address + canary)
    monkeypatch.setenv("AIRBYTE_CLIENT_ID", "stack")
    monkeypatch.setenv("DUCKLAKE_CATALOG_URL", "postgresql://me:canary-of-the-lake@db/lake")
    monkeypatch.setenv("DAGSTER_HOME", str(prepare_dagster_home(load_settings(StackSettings))))
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-3:] == [
        "library_that_tells_all True",
        "library_that_fails False",
        "datahub_metadata_ingestion False",
    ], done.stderr
    assert "DataHub" in done.stderr or "does not answer" in done.stderr
    written = [(done.stdout + done.stderr).encode()]
    written += [file.read_bytes() for file in stack.rglob("*") if file.is_file()]
    assert sum(b"could not send" in content for content in written) >= 2, "log and event log"
    for canary in (*canaries.values(), "canary-of-the-lake"):
        told = [content for content in written if canary.encode() in content]
        assert not told, told[0][:3000]
