"""One small question finds within seconds that a store is away; it is reported once."""

import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from observability.facts.looking import Watch
from observability.messages.storage import StorageTeller
from observability.messages.telling import utc_now
from observability.metrics.collector import StackCollector
from observability.metrics.kept import Counter
from stack.one_machine.home import open_instance
from stack.settings import StackSettings, load_settings
from support.mail_server import mail_server

PROMPTLY_S = 15.0
RAW = dg.AssetKey(["raw", "books_payments"])


@contextmanager
def watching():
    with open_instance(load_settings(StackSettings)) as instance:
        yield Watch(instance), instance


def away(watch):
    """What the stores that are away answered; that takes seconds at most."""
    begun = time.monotonic()
    found = {store.name: store for store in watch.look_for_stores() if not store.up}
    assert time.monotonic() - begun < PROMPTLY_S
    return found


@pytest.fixture
def on_stores(stack_home, monkeypatch, postgres_by_cable, s3_by_cable):
    """All that can be on a server is, behind a cable."""
    variables = {
        "DAGSTER_POSTGRES_URL": postgres_by_cable,
        "DLT_DESTINATION": "ducklake",
        "DUCKLAKE_CATALOG_URL": postgres_by_cable,
        "DUCKLAKE_DATA_URL": f"{s3_by_cable}/data",
        "ARTIFACTS_URL": f"{s3_by_cable}/artifacts",
        "ALERTS_URL": f"{s3_by_cable}/alerts",
        "QUARANTINE_URL": f"{s3_by_cable}/quarantine",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("on_stores")
def test_servers_are_known_to_be_away_and_back(postgres_cable, s3_cable):
    with watching() as (watch, _):
        assert away(watch) == {}
        here = [store.name for store in watch.facts().reach]
        assert here == ["run_storage", "warehouse", "object_store"]
        s3_cable.cut()
        first = away(watch)
        assert list(first) == ["object_store"]
        assert str(s3_cable.port) in first["object_store"].sentence
        assert away(watch)["object_store"].since == first["object_store"].since
        postgres_cable.cut()
        assert set(away(watch)) == set(here)
        postgres_cable.mend()
        s3_cable.mend()
        assert away(watch) == {}
        assert all(store.back is not None for store in watch.facts().reach)


@pytest.mark.usefixtures("on_stores")
def test_a_scrape_waits_for_no_store_that_is_known_to_be_away(postgres_cable):
    with watching() as (watch, instance):
        postgres_cable.cut()
        assert away(watch)
        begun = time.monotonic()
        families = {f.name: f for f in StackCollector(watch, Counter(instance)).collect()}
        assert time.monotonic() - begun < 1.0
        up = {s.labels["store"]: s.value for s in families["stack_store_up"].samples}
        assert up == {"run_storage": 0, "warehouse": 0, "object_store": 1}
        assert "stack_run_queue_depth" not in families


@pytest.mark.usefixtures("on_stores")
def test_servers_that_hang_are_away_at_once(postgres_cable, s3_cable):
    with watching() as (watch, _):
        assert away(watch) == {}
        s3_cable.hold()
        postgres_cable.hold()
        assert set(away(watch)) == {"run_storage", "warehouse", "object_store"}
        for cable in (s3_cable, postgres_cable):
            cable.cut()
            cable.mend()
        assert away(watch) == {}


@pytest.mark.usefixtures("on_stores")
def test_no_look_waits_for_ever_for_a_frozen_postgres(postgres_cable, monkeypatch):
    monkeypatch.setattr("observability.facts.looking.SHARES_S", 0.2)
    monkeypatch.setattr("observability.facts.looking.CUT_AFTER_S", 0.0)
    with watching() as (watch, _):
        before = watch.facts()
        postgres_cable.hold()
        hung = threading.Thread(target=watch.facts, daemon=True)
        hung.start()
        begun = time.monotonic()
        assert watch.facts().at == before.at  # another look is under way
        assert time.monotonic() - begun < PROMPTLY_S
        threads = threading.active_count()
        for _ in range(3):
            assert "no answer within" in away(watch)["run_storage"].sentence
        assert threading.active_count() <= threads
        hung.join(PROMPTLY_S)
        assert not hung.is_alive()
        assert watch.facts().at > before.at


@pytest.mark.usefixtures("stack_home")
def test_a_disk_that_hangs_is_away_and_not_asked_again_meanwhile(monkeypatch):
    asked, answers = [], threading.Event()

    def hangs(folder):
        asked.append(folder)
        answers.wait(60)
        return stock(folder)

    stock = os.statvfs
    monkeypatch.setattr("observability.facts.reach.DEADLINE_S", 0.2)
    with watching() as (watch, _):
        monkeypatch.setattr("os.statvfs", hangs)
        assert away(watch)["disk"].sentence == "no answer within 0.2 s"
        assert away(watch)["disk"].sentence == "it still gives no answer"
        assert len(asked) == 1
        answers.set()
        until = time.monotonic() + 60
        while away(watch):
            assert time.monotonic() < until


def test_a_bucket_that_is_gone_is_away(stack_home, s3, monkeypatch):
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ARTIFACTS_URL", "s3://no-such-bucket/artifacts")
    with watching() as (watch, _):
        assert list(away(watch)) == ["object_store"]


@pytest.mark.usefixtures("on_stores")
def test_the_run_storage_that_is_gone_is_one_mail_and_its_return_one(postgres_cable, monkeypatch):
    with mail_server() as mails, watching() as (watch, _):
        monkeypatch.setenv("NOTIFY_URLS", mails.url())
        later = timedelta(0)
        teller = StorageTeller(lambda: utc_now() + later)
        postgres_cable.cut()
        teller.tell(watch.look_for_stores())
        assert mails.mails == []  # it may pass
        later = timedelta(minutes=1)
        for _ in range(2):
            teller.tell(watch.look_for_stores())
        [mail] = mails.mails
        assert mail["Subject"] == "[ERROR] Dagster's run storage is away"
        postgres_cable.mend()
        for _ in range(3):
            teller.tell(watch.look_for_stores())
            later += timedelta(minutes=1)
        _, over = mails.mails
        assert over["Subject"] == "Over: Dagster's run storage is away"
        assert over["References"] == mail["Message-ID"]


@pytest.mark.parametrize("destination", ["duckdb", "ducklake"])
def test_a_warehouse_on_this_machine_is_missed_once_there_were_tables(
    stack_home, monkeypatch, destination
):
    monkeypatch.setenv("DLT_DESTINATION", destination)
    lake = stack_home / "lake"
    file = lake / "catalog.sqlite" if destination == "ducklake" else stack_home / "warehouse.duckdb"
    with watching() as (watch, instance):
        assert away(watch) == {}  # nothing was loaded yet
        instance.report_runless_asset_event(dg.AssetMaterialization(RAW))
        assert str(file) in away(watch)["warehouse"].sentence
        (lake / "data").mkdir(parents=True)
        file.touch()
        assert away(watch) == {}
        if destination == "ducklake":
            with closing(sqlite3.connect(file)) as writer:
                writer.execute("begin exclusive")
                assert away(watch) == {}  # it is only busy
            shutil.rmtree(lake / "data")  # as a disk that isn't mounted
            assert str(lake / "data") in away(watch)["warehouse"].sentence
        instance.wipe_assets([RAW])
        assert "warehouse" not in away(watch)


@pytest.mark.usefixtures("stack_home")
def test_a_folder_that_vanished_is_missed(tmp_path, monkeypatch):
    folder = tmp_path / "disk" / "artifacts"
    monkeypatch.setenv("ARTIFACTS_URL", str(folder))
    with watching() as (watch, _):
        assert away(watch) == {}  # there never was one
        folder.mkdir(parents=True)
        assert away(watch) == {}
        shutil.rmtree(folder.parent)
        assert f"{folder}: found nothing there any more" in away(watch)["disk"].sentence
        folder.mkdir(parents=True)
        assert away(watch) == {}


@pytest.mark.parametrize("trouble", ["cut", "hold"])
def test_a_warehouse_that_may_not_have_begun_is_not_away_with_the_run_storage(
    stack_home, monkeypatch, postgres_by_cable, postgres_cable, trouble
):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_by_cable)
    with watching() as (watch, _):
        assert away(watch) == {}
        getattr(postgres_cable, trouble)()
        assert list(away(watch)) == ["run_storage"]


@pytest.mark.usefixtures("stack_home")
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no file system without room here")
def test_a_full_disk_is_told(monkeypatch):
    with watching() as (watch, _):
        assert [s.name for s in watch.look_for_stores()] == ["run_storage", "warehouse", "disk"]
        assert away(watch) == {}
    monkeypatch.setenv("ARTIFACTS_URL", "/proc/self")
    with watching() as (watch, _):
        assert away(watch)["disk"].sentence == "/proc/self: found a full disk: 0 MiB are free"
