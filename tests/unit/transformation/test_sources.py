"""dbt's sources follow from the registry of raw tables and from loaders' reports."""

import json
from pathlib import Path

import pytest
import yaml

from stack.artifacts import ArtifactStore
from stack.load_report import LoadReport, TableReport, write_report
from stack.raw import Column, RawTable, raw_tables
from transformation.assets import MANIFEST
from transformation.settings import DbtSettings
from transformation.sources import hand_written, known_tables, sources_document

MODELS = DbtSettings().project_dir / "models"
CONTACTS = RawTable(
    source="crm",
    name="contacts",
    description="People, {{ as_text }}.",
    columns=(Column(name="id", type="bigint"), Column(name="since", type="date")),
    primary_key=("id", "since"),
)


@pytest.mark.parametrize("table", raw_tables(), ids=lambda table: table.table_name)
def test_every_declared_table_is_a_source_with_its_key_judged_once(table: RawTable):
    source = MANIFEST.tables[f"source.raw.{table.source}.{table.name}"]

    assert (source.table, source.description) == (table.table_name, table.description)
    assert source.columns == {column.name: column.description for column in table.columns}
    names = [t.check_name for t in MANIFEST.tests.values() if t.table == source.unique_id]
    assert sum(name.startswith(("primary_key", "unique_together")) for name in names) == 1


def test_no_source_is_written_by_hand():
    assert hand_written(MODELS.rglob("*.yml")) == set()


def test_a_reported_table_is_a_source_unless_the_project_declares_it_or_it_is_on_a_server(
    tmp_path: Path,
):
    store = ArtifactStore(str(tmp_path / "artifacts"))
    odd = RawTable(source="files", name="two words {{")
    parts = {table.table_name: TableReport(table=table) for table in (odd, CONTACTS)}
    write_report(store, "run", LoadReport(loader="sources", asset="x", tables=parts))
    tables = known_tables(store.url)
    assert tables == (*raw_tables(), CONTACTS)
    assert known_tables("s3://bucket/artifacts") == raw_tables()

    text = sources_document(tables, "raw_data", without=(), keys=True)
    assert "{{" not in text
    [crm] = [s for s in yaml.safe_load(text)["sources"] if s["name"] == "crm"]
    assert (crm["schema"], crm["tables"][0]["identifier"]) == ("raw_data", "crm_contacts")
    assert [c["data_tests"] for c in crm["tables"][0]["columns"]] == [["not_null"]] * 2
    assert crm["tables"][0]["data_tests"][0]["unique_together"]["arguments"] == {
        "columns": ["id", "since"]
    }

    own = tmp_path / "own.yml"
    own.write_text("sources: [{name: crm, tables: [{name: contacts}]}]")
    without = hand_written([own])
    assert "crm_contacts" not in sources_document(tables, "raw_data", without=without, keys=True)


def test_an_unreadable_report_costs_its_sources_not_the_location(tmp_path: Path):
    ArtifactStore(str(tmp_path)).put("run", "load/books.json", json.dumps({"tables": []}).encode())
    assert known_tables(str(tmp_path)) == raw_tables()


@pytest.mark.parametrize("table", raw_tables(), ids=lambda table: table.table_name)
def test_source_has_a_staging_model_named_after_it(table: RawTable):
    source = "books" if table.source == "exports" else table.source  # they are one in staging
    model = MODELS / "staging" / source / f"stg_{source}__{table.name}.sql"
    assert f'source("{table.source}", "{table.name}")' in model.read_text()


def test_sql_files_are_described_beside_themselves():
    for file in MODELS.rglob("*.sql"):
        documents = [yaml.safe_load(f.read_text()) for f in Path(file.parent).glob("*.yml")]
        names = {model["name"] for found in documents for model in found.get("models", ())}
        assert file.stem in names
