"""A complete catalog isn't made again until there is news."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog.idle import idle
from fakes.datahub_gms import datahub_gms
from integration.catalog.conftest import CONNECTORS, RUN, Catalog, load, run_catalog
from integration.catalog.test_kept import artifact, compiled, described, sql
from stack.activity import ActivityLog, Read
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import MANIFEST
from stack.gx_artifacts import ValidationResult, read_validation, write_validation
from stack.load_report import Failure, LoadReport, write_report
from stack.settings import StackSettings, load_settings
from support.homes import only_home, set_home

NOTHING = load("airbyte", "airbyte_sync_job", CONNECTORS, shop_customers=0, github_issues=0)
SOMETHING = load("airbyte", "airbyte_sync_job", CONNECTORS, shop_customers=2, github_issues=0)


@pytest.fixture(scope="module")
def written_once(built_stack, tmp_path_factory):
    """A run that wrote the catalog of a stack, and a copy of the stack after it."""
    folder = tmp_path_factory.mktemp("written")
    shutil.copytree(built_stack, folder / "stack")
    with only_home(folder / "stack"):
        assert idle() is None
        run = run_catalog(folder / "stack")
    shutil.copytree(folder / "stack", folder / "copy")
    return run, folder / "copy"


@pytest.fixture
def written(written_once, monkeypatch):
    """A stack whose catalog has just been written; where it is, is part of what it says."""
    run, copy = written_once
    home = run.catalog.home
    shutil.rmtree(home)
    shutil.copytree(copy, home)
    set_home(monkeypatch, home)
    return replace(run, catalog=Catalog(home))


@pytest.fixture
def store(written):
    return ArtifactStore(load_settings(StackSettings).artifacts)


def report(found: LoadReport):
    return lambda store: write_report(store, "a-later-run", found)


def asked(store):
    read = Read(at=datetime.now(UTC), user="eve", by="query", tables=("marts.client_revenue",))
    ActivityLog(store.url).append([read])


def validated(store):
    found: ValidationResult = read_validation(store)
    better = tuple(result.model_copy(update={"success": True}) for result in found.results)
    write_validation(store, found.model_copy(update={"results": better, "run_id": RUN}))


def test_without_news_it_holds_since_the_run_that_wrote_it(written):
    found = idle()
    assert found
    assert found.told.startswith("all of the catalog's aspects hold since 2")
    assert found.assets.keys() == {"datahub_metadata_ingestion"}
    before = written.catalog.file.stat()
    again = run_catalog(written.catalog.home, lets_hold=True)
    assert again.metadata["holds_since"] == found.assets["datahub_metadata_ingestion"].run_id
    assert (again.check.passed, again.metadata["sink"]) == (True, written.metadata["sink"])
    assert written.catalog.file.stat() == before


def test_a_load_that_brought_nothing_is_no_news(written, store):
    report(NOTHING)(store)
    assert idle()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(report(SOMETHING), id="a load"),
        pytest.param(
            report(NOTHING.model_copy(update={"failures": (Failure(source="x", reason="y"),)})),
            id="a load that failed",
        ),
        pytest.param(report(load("new", "new_loader", {}, books_clients=1)), id="a new loader"),
        pytest.param(artifact(MANIFEST, described), id="a description"),
        pytest.param(compiled("sum(", "max("), id="a model's SQL"),
        pytest.param(validated, id="results of expectations"),
        pytest.param(asked, id="a query"),
        pytest.param(sql("update marts.client_revenue set revenue = 1"), id="a hand on a table"),
        pytest.param(sql("create table marts.extra as select 1 as a"), id="a new table"),
        pytest.param(sql("drop table marts.client_revenue"), id="a table is dropped"),
        pytest.param(
            sql("create or replace view staging.stg_clients as select 1 as a"), id="a view's SQL"
        ),
    ],
)
def test_after_news_it_is_to_be_made(written, store, change):
    change(store)
    assert idle() is None


def test_a_file_that_was_deleted_or_edited_is_to_be_made(written):
    written.catalog.file.write_text(written.catalog.file.read_text() + " ")
    assert idle() is None
    written.catalog.file.unlink()
    assert idle() is None


def test_where_it_goes_to_now_is_not_where_it_went(written, monkeypatch, tmp_path):
    monkeypatch.setenv("DATAHUB_FILE", str(tmp_path / "elsewhere.json"))
    assert idle() is None


def test_a_server_is_asked_whether_it_still_has_it(stack, monkeypatch):
    with datahub_gms() as gms:
        monkeypatch.setenv("DATAHUB_GMS_URL", gms.url)
        run_catalog(stack)
        assert idle()
        gms.stored.clear()
        assert idle() is None


def test_a_run_that_failed_claims_nothing(stack, monkeypatch):
    with datahub_gms() as gms:
        monkeypatch.setenv("DATAHUB_GMS_URL", gms.url)
    with pytest.raises(Exception, match="does not answer"):
        run_catalog(stack)
    assert idle() is None
