"""Artifacts, alerts and exports work in a bucket as in a folder."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from stack.activity import ActivityLog, Read
from stack.alerts import Alert, write_alert
from stack.artifacts import ArtifactStore
from stack.retention.activity import clear_activity
from stack.retention.report import Clock
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


def test_the_log_of_activity_is_appended_to_by_any_process_and_read_by_day(bucket):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    log = ActivityLog(f"{bucket}/artifacts")
    assert list(log.since(now.date())) == []
    for days in (0, 0, 1, 100):
        at = now - timedelta(days=days)
        log.append([Read(at=at, user="ann", by="query", tables=("marts.cash_in",))])
    assert len(list(log.since(now.date()))) == 2
    assert len(list(log.since(now.date() - timedelta(days=1)))) == 3
    assert clear_activity(f"{bucket}/artifacts", 90, Clock(now), dry_run=False).deleted == 1
    assert len(list(log.since(date.min))) == 3


def test_an_alert_is_a_file_that_another_process_finds(bucket):
    alert = Alert(type="dbt_test_failure", severity="error", description="2 rows", source="dbt")
    fs, path = filesystem(write_alert(f"{bucket}/alerts", alert))
    assert json.loads(fs.cat_file(path))["description"] == "2 rows"


def test_wrong_credentials_are_an_error_and_not_an_empty_bucket(bucket, monkeypatch):
    ArtifactStore(f"{bucket}/secret").put_json("run-1", "a.json", 1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-key-of-anybody")
    with pytest.raises(PermissionError):
        ArtifactStore(f"{bucket}/secret").get("a.json")
