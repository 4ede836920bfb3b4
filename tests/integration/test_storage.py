"""Artifacts, alerts and exports live in a bucket as they do in a folder."""

import json

import pytest

from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.storage import filesystem


@pytest.fixture
def bucket(stack_home, s3, monkeypatch):
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.bucket}/storage"


def test_artifacts_are_kept_by_run_and_as_the_latest(bucket):
    store = ArtifactStore(f"{bucket}/artifacts")
    assert store.get("dbt/manifest.json") is None
    store.put_json("run-1", "dbt/manifest.json", {"n": 1})
    store.put_json("run-2", "dbt/manifest.json", {"n": 2})
    assert store.get_json("dbt/manifest.json") == {"n": 2}
    assert store.get_json("dbt/manifest.json", run_id="run-1") == {"n": 1}


def test_an_alert_is_a_file_that_another_process_finds(bucket):
    alert = Alert(type="dbt_test_failure", severity="error", description="2 rows", source="dbt")
    fs, path = filesystem(write_alert(f"{bucket}/alerts", alert))
    assert json.loads(fs.cat_file(path))["description"] == "2 rows"


def test_wrong_credentials_are_an_error_and_not_an_empty_bucket(bucket, monkeypatch):
    ArtifactStore(f"{bucket}/secret").put_json("run-1", "a.json", 1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-key-of-anybody")
    with pytest.raises(PermissionError):
        ArtifactStore(f"{bucket}/secret").get("a.json")
