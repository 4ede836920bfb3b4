"""Results, loaded files and temporary files, in folders and in a bucket."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from stack.artifacts import ArtifactStore
from stack.retention.artifacts import clear_artifacts
from stack.retention.processed import clear_processed
from stack.retention.report import Clock
from stack.retention.scratch import clear_scratch

NOW = datetime.now(UTC)
LATER = Clock(NOW + timedelta(days=100))


@pytest.fixture(params=["folder", "bucket"])
def place(request, stack_home, tmp_path, monkeypatch):
    if request.param == "folder":
        return str(tmp_path / "files")
    s3 = request.getfixturevalue("s3")
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.bucket}/{tmp_path.name}"


@pytest.fixture
def store(place):
    made = ArtifactStore(place)
    for run_id in ("old", "named"):
        made.put(run_id, "dbt/manifest.json", b"12345")
        made.put(run_id, "gx/data_docs.zip", b"12345")
    return made


def test_results_of_runs_that_are_gone_go_and_the_latest_stays(store):
    cleared = clear_artifacts(store.url, 90, {"named"}, LATER, dry_run=False)
    assert (cleared.before, cleared.after, cleared.deleted) == (20, 10, 1)
    assert store.get("dbt/manifest.json", "old") is None
    assert store.get("dbt/manifest.json", "named") == b"12345"
    assert store.get("gx/data_docs.zip") == b"12345"
    assert clear_artifacts(store.url, 90, {"named"}, LATER, dry_run=False).deleted == 0


@pytest.mark.parametrize(("days", "clock"), [(90, Clock(NOW)), (0, LATER), (101, LATER)])
def test_young_results_stay_and_all_do_for_ever_with_0_days(store, days, clock):
    assert clear_artifacts(store.url, days, set(), clock, dry_run=False).deleted == 0
    assert store.get("dbt/manifest.json", "old")


def test_a_dry_run_deletes_no_results(store):
    cleared = clear_artifacts(store.url, 90, set(), LATER, dry_run=True)
    assert (cleared.deleted, cleared.before, cleared.after) == (2, 20, 20)
    assert store.get("dbt/manifest.json", "old")


def test_loaded_files_are_kept_unless_a_policy_says_otherwise(place):
    store = ArtifactStore(place)  # it writes to buckets and folders
    store.put("quarantined", "broken.csv", b"1")
    store.put("march", "hours.csv", b"12345")
    folder, quarantine = f"{place}/runs", f"{place}/runs/quarantined"
    for days, clock in ((0, LATER), (200, LATER), (30, Clock(NOW))):
        cleared = clear_processed(folder, days, clock, quarantine=quarantine, dry_run=False)
        assert (cleared.deleted, cleared.after) == (0, 5)
    told = clear_processed(folder, 30, LATER, quarantine=quarantine, dry_run=True)
    assert (told.deleted, bool(store.get("hours.csv", "march"))) == (1, True)
    cleared = clear_processed(folder, 30, LATER, quarantine=quarantine, dry_run=False)
    assert (cleared.deleted, cleared.before, cleared.after) == (1, 5, 0)
    assert store.get("hours.csv", "march") is None
    assert store.get("broken.csv", "quarantined") == b"1"


def test_the_age_of_a_loaded_file_is_not_that_of_its_content(tmp_path):
    file = tmp_path / "processed" / "hours_2019.csv"
    file.parent.mkdir()
    file.write_text("1")
    os.utime(file, (1_550_000_000, 1_550_000_000))
    kept = {"quarantine": str(tmp_path / "quarantine"), "dry_run": False}
    assert clear_processed(str(file.parent), 30, Clock(NOW), **kept).deleted == 0


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    mine = tmp_path / "mine" / "taxes.csv"
    mine.parent.mkdir()
    mine.write_text("1")
    (tmp_path / "processed").mkdir()
    (tmp_path / "processed" / "shelf").symlink_to(mine.parent)
    (tmp_path / "processed" / "taxes.csv").symlink_to(mine)
    kept = {"quarantine": str(tmp_path / "quarantine"), "dry_run": False}
    clear_processed(str(tmp_path / "processed"), 30, LATER, **kept)
    assert mine.read_text() == "1"


def leftover(folder, name, days):
    entry = folder / name
    entry.mkdir(parents=True)
    (entry / "part").write_text("12345")
    moment = (NOW - timedelta(days=days)).timestamp()
    for path in (entry / "part", entry):
        os.utime(path, (moment, moment))
    return entry


def test_what_killed_runs_left_goes_and_what_a_run_may_use_stays(tmp_path):
    gone = {leftover(tmp_path, "dbt/killed-run", 9), leftover(tmp_path, "files-x", 9)}
    young = leftover(tmp_path, "days-y", 1)
    of_a_run = {leftover(tmp_path, "dbt/busy-run", 9), leftover(tmp_path, "airbyte/7-z", 4)}
    clock = Clock(NOW, NOW - timedelta(days=5), frozenset({"busy"}))
    told = clear_scratch(tmp_path, 2, clock, dry_run=True)
    assert (told.deleted, all(entry.exists() for entry in gone)) == (2, True)
    cleared = clear_scratch(tmp_path, 2, clock, dry_run=False)
    assert (cleared.deleted, cleared.before - cleared.after) == (2, 10)
    assert not any(entry.exists() for entry in gone)
    assert all(entry.exists() for entry in {young, *of_a_run, tmp_path / "dbt"})


def test_a_folder_that_is_not_there_yet_is_empty(stack_home, tmp_path):
    nowhere = str(tmp_path / "nowhere")
    assert clear_artifacts(nowhere, 1, set(), LATER, dry_run=False).before == 0
    assert clear_scratch(tmp_path / "nowhere", 1, LATER, dry_run=False).before == 0
    cleared = clear_processed(nowhere, 1, LATER, quarantine=nowhere, dry_run=False)
    assert (cleared.before, cleared.problems) == (0, [])
