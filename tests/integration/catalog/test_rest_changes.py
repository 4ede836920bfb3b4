"""A DataHub server gets only what it lacks, and ends up with the same content."""

import copy
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from catalog.assets import datahub_metadata_ingestion
from catalog.emission import EVERYTHING_AFTER, MARK, Emitted
from catalog.kept import keep, read_kept
from catalog.sinks import EmitError
from catalog.urns import Naming
from fakes.datahub_gms import DataHubGms, Stored, datahub_gms
from integration.catalog.conftest import nothing_holds, without_times
from stack.dbt_artifacts import MANIFEST
from stack.options import options_config
from stack.pipelines import DAILY
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect
from support.homes import only_home

EMITTED = "catalog/DEV/emitted.json"
MODEL = "model.small_books.client_revenue"
MARKED = (Naming("warehouse").job(DAILY.name, "datahub_metadata_ingestion"), "dataJobInfo")


class Recording(DataHubGms):
    """A server that also counts what it got since it was asked last, by aspect."""

    def __init__(self, **how) -> None:
        super().__init__(**how)
        self.got: Counter[str] = Counter()

    def ingest(self, action, body, token):
        sent = body["proposals"] if action == "ingestProposalBatch" else [body["proposal"]]
        self.got.update(p["aspectName"] for p in sent)
        return super().ingest(action, body, token)

    def taken(self) -> Counter[str]:
        """What it got."""
        got, self.got = self.got, Counter()
        return got


@dataclass(frozen=True)
class Served:
    """A server, and the stack and what the server had after an undisturbed run."""

    gms: Recording
    home: Path
    stored: Stored


@pytest.fixture(scope="module")
def served(built_stack, tmp_path_factory):
    home = tmp_path_factory.mktemp("served") / "stack"
    shutil.copytree(built_stack, home)
    with datahub_gms(Recording()) as gms:
        with only_home(home, DATAHUB_GMS_URL=gms.url):
            materialize()
        assert gms.taken().total() == len(gms.stored) > 300
        yield Served(gms, home, gms.stored)


@pytest.fixture
def stack(served, stack_home):
    shutil.copytree(served.home, stack_home)
    return stack_home


@pytest.fixture
def gms(served, stack, monkeypatch):
    """A server that has everything of an undisturbed run."""
    monkeypatch.setattr("catalog.sinks.RETRIES", 0)
    monkeypatch.setattr("catalog.sinks.BATCH", 50)
    gms = served.gms
    monkeypatch.setenv("DATAHUB_GMS_URL", gms.url)
    gms.stored = copy.deepcopy(served.stored)
    gms.fault, gms.writes = Recording().fault, 0
    gms.taken()
    return gms


def materialize(**options) -> dict:
    """Run the asset; its metadata."""
    nothing_holds(load_settings(StackSettings).stack_home)
    result = dg.materialize([datahub_metadata_ingestion], run_config=options_config(**options))
    [event] = result.asset_materializations_for_node("datahub_metadata_ingestion")
    return {name: value.value for name, value in event.metadata.items()}


def undisturbed() -> dict:
    """What a server that knew nothing would have."""
    with datahub_gms() as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATAHUB_GMS_URL", other.url)
        patch.setenv("ARTIFACTS_URL", _copied_artifacts())
        materialize()
        return without_times(other.stored)


def _copied_artifacts() -> str:
    folder = tempfile.mkdtemp(dir=load_settings(StackSettings).stack_home)
    shutil.copytree(load_settings(StackSettings).artifacts, folder, dirs_exist_ok=True)
    return folder


def describe(store, description: str) -> None:
    """Another description of a model."""
    manifest = store.get_json(MANIFEST)
    manifest["nodes"][MODEL]["description"] = description
    store.put_json("another-run", MANIFEST, manifest)


def run_sql(statement: str) -> None:
    with connect(load_settings(WarehouseSettings)) as connection:
        connection.execute(statement)


def everything(gms: Recording) -> bool:
    """Whether it got all: each aspect, and twice the one with the mark if it had it before."""
    return gms.taken().total() >= len(gms.stored)


def test_a_server_that_has_all_gets_nothing(gms, stack):
    facts = materialize()
    assert not gms.taken()
    assert (facts["aspects_sent"], facts["aspects"] > 300) == (0, True)
    assert without_times(gms.stored) == undisturbed()
    assert not (stack / "catalog").exists()


def test_what_changed_is_emitted_and_what_is_gone_is_marked_once(gms, store):
    describe(store, "What clients brought in.")
    run_sql("create table marts.extra as select 1 as a")
    materialize()
    got = gms.taken()
    assert got["datasetProperties"] == 3  # of the table, of the model, and of the new one
    assert got["schemaMetadata"] == 1
    assert without_times(gms.stored) == undisturbed()

    run_sql("drop table marts.extra")
    materialize()
    urn = Naming("warehouse").table("marts", "extra")
    assert gms.taken()["status"] == 1
    assert gms.stored[urn, "status"]["removed"]
    materialize()
    assert gms.taken()["status"] == 0
    run_sql("create table marts.extra as select 1 as a")
    materialize()
    assert not gms.stored[urn, "status"]["removed"]


def test_a_server_that_lost_its_data_gets_all(gms):
    gms.stored.clear()
    materialize()
    assert everything(gms)
    assert without_times(gms.stored) == undisturbed()


def test_a_server_that_was_set_back_to_a_backup_gets_all(gms, store):
    backup = copy.deepcopy(gms.stored)
    describe(store, "What clients brought in.")
    materialize()
    gms.taken()
    gms.stored = backup
    materialize()
    assert everything(gms)
    assert without_times(gms.stored) == undisturbed()


def test_an_emission_that_failed_half_way_is_made_whole_though_the_change_is_taken_back(gms, store):
    before = store.get_json(MANIFEST)
    describe(store, "What clients brought in.")
    for n in range(10):
        run_sql(f"create table marts.a{n} as select 1 as a")
    # The mark, a batch, and no more.
    gms.writes, gms.fault = 0, lambda number, _proposals: 500 if number >= 3 else None
    with pytest.raises(EmitError, match="answered HTTP 500"):
        materialize()
    assert "unfinished" in gms.stored[MARKED]["customProperties"][MARK]
    urn = Naming("warehouse").dbt_node("marts", "client_revenue")
    assert gms.stored[urn, "datasetProperties"]["description"] == "What clients brought in."
    gms.fault = lambda _number, _proposals: None
    store.put_json("third-run", MANIFEST, before)
    gms.taken()
    materialize()
    assert everything(gms)
    assert without_times(gms.stored) == undisturbed()


def test_another_server_gets_all(gms, monkeypatch):
    with datahub_gms(Recording()) as other:
        monkeypatch.setenv("DATAHUB_GMS_URL", other.url)
        other.stored[MARKED] = copy.deepcopy(gms.stored[MARKED])
        materialize()
        assert everything(other)


def test_a_full_refresh_emits_all(gms):
    materialize(force_full_refresh=True)
    assert everything(gms)


def test_all_is_emitted_once_a_week_for_what_people_changed_by_hand(gms, store):
    urn = Naming("warehouse").table("marts", "client_revenue")
    gms.stored[urn, "status"] = {"removed": True}
    materialize()
    assert gms.stored[urn, "status"]["removed"]
    emitted = read_kept(store, EMITTED, Emitted)
    long_ago = emitted.everything_at - EVERYTHING_AFTER - timedelta(seconds=1)
    keep(store, "another-run", EMITTED, emitted.model_copy(update={"everything_at": long_ago}))
    materialize()
    assert not gms.stored[urn, "status"]["removed"]


def test_a_record_that_is_broken_or_of_another_emission_is_not_believed(gms, store):
    before = store.get(EMITTED)
    store.put("broken", EMITTED, before[:-10])
    materialize()
    assert everything(gms)
    describe(store, "What clients brought in.")
    materialize()
    store.put("restored", EMITTED, before)
    gms.taken()
    materialize()
    assert everything(gms)


def test_of_two_at_once_neither_believes_what_the_server_has(gms, store):
    def meanwhile(_number, proposals):
        if any(p.aspectName == "datasetProperties" for p in proposals):
            gms.stored[MARKED]["customProperties"][MARK] = "of another stack"

    gms.fault = meanwhile
    describe(store, "What clients brought in.")
    materialize()
    gms.fault = lambda _number, _proposals: None
    assert "not alone" in gms.stored[MARKED]["customProperties"][MARK]
    gms.taken()
    materialize()
    assert everything(gms)


def test_a_server_that_may_not_be_read_gets_all(gms, monkeypatch):
    monkeypatch.setattr(gms, "aspect", lambda *_: (403, {"message": "no"}))
    materialize()
    assert everything(gms)
    materialize()
    assert everything(gms)


def test_the_record_has_no_password_of_the_servers_address(gms, store, monkeypatch):
    monkeypatch.setenv("DATAHUB_GMS_URL", gms.url.replace("//", "//me:sesame@"))
    materialize()
    assert b"sesame" not in store.get(EMITTED)
