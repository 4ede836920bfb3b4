"""What a run kept saves work without changing the result: the file is the same."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from catalog import records
from catalog.assets import datahub_metadata_ingestion
from integration.catalog.conftest import TIMES, run_catalog
from stack.artifacts import ArtifactStore
from stack.dbt_artifacts import MANIFEST, RUN_RESULTS
from stack.gx_artifacts import VALIDATION
from stack.options import options_config
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect

MODEL = "model.small_books.client_revenue"
KEPT = "catalog/DEV/dbt_source.json"
Change = Callable[[ArtifactStore], None]


def sql(statement: str) -> Change:
    """A change of the warehouse."""

    def change(_store: ArtifactStore) -> None:
        with connect(load_settings(WarehouseSettings)) as connection:
            connection.execute(statement)

    return change


def artifact(name: str, edit: Callable[[dict], None]) -> Change:
    """A change of an artifact, written at the same time as the one before."""

    def change(store: ArtifactStore) -> None:
        document = store.get_json(name)
        edit(document)
        store.put_json("another-run", name, document)

    return change


def compiled(old: str, new: str) -> Change:
    """An edit of the model's SQL, as dbt leaves it."""

    def edit(document: dict) -> None:
        [result] = (r for r in document["results"] if r["unique_id"] == MODEL)
        assert old in result["compiled_code"]
        result["compiled_code"] = result["compiled_code"].replace(old, new)

    return artifact(RUN_RESULTS, edit)


def as_of_another_parse(document: dict) -> None:
    document["metadata"].update(generated_at="2027-01-01T00:00:00Z", invocation_id="another")
    for node in document["nodes"].values():
        node.update(created_at=1.5, build_path="/elsewhere", compiled_path="/elsewhere")


def described(document: dict) -> None:
    document["nodes"][MODEL]["description"] = "What clients brought in."


def cut_off(store: ArtifactStore) -> None:
    store.put("broken", KEPT, (store.get(KEPT) or b"")[:-100])


def changed_by_hand(store: ArtifactStore) -> None:
    whole = store.get(KEPT) or b""
    assert b"net_amount" in whole
    store.put("broken", KEPT, whole.replace(b"net_amount", b"tax_amount"))


def text(file: Path) -> str:
    """The file's text, with the same value wherever one tells a run from another."""

    def same(pairs: list) -> dict:
        return {name: 0 if name in TIMES else value for name, value in pairs}

    return json.dumps(json.loads(file.read_text(), object_pairs_hook=same), indent=2)


def without_kept(home: Path) -> str:
    """What a run writes that uses nothing of an earlier one."""
    config = options_config(force_full_refresh=True)
    assert dg.materialize([datahub_metadata_ingestion], run_config=config).success
    return text(home / "catalog" / "metadata.json")


# What may change between two runs, and how many models the second then parses.
CHANGES: dict[str, tuple[Change, int]] = {
    "nothing": (lambda _: None, 0),
    "dbt parsed again": (artifact(MANIFEST, as_of_another_parse), 0),
    "a description": (artifact(MANIFEST, described), 0),
    "a column's type": (sql("alter table freelancer_raw.books_clients alter name type blob"), 1),
    "a column is gone": (sql("alter table freelancer_raw.books_clients drop column country"), 1),
    "a table of another": (sql("create table marts.extra as select 1 as a"), 0),
    "a table is dropped": (sql("drop table marts.client_revenue"), 0),
    "a model's SQL": (compiled("sum(", "max("), 1),
    "SQL that is none": (compiled("select", "select from where"), 1),
    "the cache is cut off": (cut_off, 4),
    "the cache was changed by hand": (changed_by_hand, 4),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_the_file_is_as_without_anything_kept(written_before, store, change):
    stack = written_before.catalog.home
    assert written_before.metadata["models_parsed"] == 4
    make, parsed = CHANGES[change]
    make(store)
    second = run_catalog(stack)
    assert second.metadata["models_parsed"] == parsed
    assert text(second.catalog.file) == without_kept(stack)
    assert second.metadata["aspects_sent"] == second.metadata["aspects"]


def test_after_all_changes_the_file_is_as_what_a_full_run_kept_says(stack, store):
    run_catalog(stack)
    for make, _ in CHANGES.values():
        make(store)
    full = without_kept(stack)
    assert text(run_catalog(stack).catalog.file) == full


def test_results_of_tests_are_todays_though_the_tests_are_those_of_yesterday(written_before, store):
    stack = written_before.catalog.home

    def fail(document: dict) -> None:
        document["metadata"]["invocation_id"] = "today"
        for result in document["results"]:
            result.update(status="fail", failures=2, message="Got 2 results")

    artifact("dbt/test_results.json", fail)(store)
    run = run_catalog(stack)
    assert run.metadata["models_parsed"] == 0
    events = [a for (_, n), a in run.catalog.aspects.items() if n == "assertionRunEvent"]
    todays = [e for e in events if e["runId"] == "today"]
    assert {e["result"]["type"] for e in todays} == {"FAILURE"}
    assert todays[0]["result"]["nativeResults"] == {"message": "Got 2 results", "failures": "2"}
    assert text(run.catalog.file) == without_kept(stack)


def test_lineage_of_models_that_are_gone_is_dropped(written_before, store):
    before = store.get_json(KEPT)["content"]["lineage"]

    def without_the_model(document: dict) -> None:
        document["nodes"] = {
            name: node
            for name, node in document["nodes"].items()
            if name != MODEL and MODEL not in node["depends_on"]["nodes"]
        }

    artifact(MANIFEST, without_the_model)(store)
    run_catalog(written_before.catalog.home)
    after = store.get_json(KEPT)["content"]["lineage"]
    assert len(before) - len(after) == 1
    assert after.items() <= before.items()


def test_sql_that_could_not_be_parsed_is_parsed_every_time(stack, store):
    compiled("select", "select from where")(store)
    for _ in range(2):
        run = run_catalog(stack)
        assert MODEL in run.metadata["warnings"]
    assert run.metadata["models_parsed"] == 1


def test_another_version_of_the_library_uses_nothing_of_this_one(written_before, monkeypatch):
    monkeypatch.setattr("catalog.dbt_source.versions", lambda: {"acryl-datahub": "0.0.1"})
    assert run_catalog(written_before.catalog.home).metadata["models_parsed"] == 4


def test_a_cache_that_cannot_be_read_is_a_line_in_the_log(written_before, store, caplog):
    for name in ("dbt_source", "proved"):
        store.put("broken", f"catalog/DEV/{name}.json", b"{")
    with caplog.at_level(logging.WARNING):
        run_catalog(written_before.catalog.home)
    told = [r.message for r in caplog.records if "made anew" in r.message]
    assert len(told) == 2


def test_an_aspect_is_proved_again_when_it_changes(stack, store, monkeypatch):
    checked: list[str] = []
    check = records._check
    monkeypatch.setattr(
        records, "_check", lambda p, r: (checked.append(str(p.aspectName)), check(p, r))
    )
    first = run_catalog(stack)
    assert len(checked) == first.metadata["aspects"]
    checked.clear()
    run_catalog(stack)
    assert not checked
    artifact(VALIDATION, lambda d: d["results"][0].update(because="it matters"))(store)
    run_catalog(stack)
    assert "assertionInfo" in checked


def test_what_is_not_used_is_not_imported(written_before):
    script = (
        "import sys, dagster as dg\n"
        "from catalog.assets import datahub_metadata_ingestion\n"
        "dg.materialize([datahub_metadata_ingestion])\n"
        "heavy = ('sqlglot', 'pandas', 'numpy', 'boto3', 'datahub.ingestion.source.dbt.dbt_core')\n"
        "print('imported:', [name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "imported: []"
    assert load_settings(StackSettings).stack_home == written_before.catalog.home
