"""The catalog asset on a real warehouse with dbt's real artifacts, into a file."""

import copy
import gc
import shutil

import dagster as dg
import pytest

from catalog.assets import datahub_metadata_ingestion
from catalog.summary import EVERY_TABLE
from integration.catalog.conftest import load, run_catalog, without_times
from stack.artifacts import ArtifactError
from stack.load_report import write_report
from stack.raw import raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables

WAREHOUSE = "urn:li:dataset:(urn:li:dataPlatform:duckdb,warehouse.{},DEV)"
DBT = "urn:li:dataset:(urn:li:dataPlatform:dbt,warehouse.{},DEV)"


def test_datahub_ingest_takes_the_file_with_no_failure_and_no_warning(catalogued, tmp_path):
    from datahub.ingestion.run.pipeline import Pipeline

    again = tmp_path / "again.json"
    recipe = {
        "source": {"type": "file", "config": {"path": str(catalogued.catalog.file)}},
        "sink": {"type": "file", "config": {"filename": str(again)}},
    }
    pipeline = Pipeline.create(recipe)
    pipeline.run()
    pipeline.raise_from_status(raise_warnings=True)
    assert pipeline.sink.get_report().total_records_written == len(catalogued.catalog.records) > 300


def test_every_aspect_reads_back_as_the_librarys_own_class(catalogued):
    from datahub.emitter.mcp import MetadataChangeProposalWrapper

    for record in copy.deepcopy(catalogued.catalog.records):  # reading one changes it
        proposal = MetadataChangeProposalWrapper.from_obj_require_wrapper(record)
        assert proposal.validate()
        assert proposal.aspect is not None


def test_a_model_has_columns_owners_terms_lineage_and_a_sibling(catalogued):
    found = catalogued.catalog.aspects
    urn, dbt = WAREHOUSE.format("marts.client_revenue"), DBT.format("marts.client_revenue")
    fields = {f["fieldPath"]: f for f in found[urn, "schemaMetadata"]["fields"]}
    assert fields["revenue"]["nativeDataType"] == "DECIMAL(38,2)"
    assert fields["revenue"]["type"] == {"type": {"com.linkedin.schema.NumberType": {}}}
    assert fields["revenue"]["description"] == "Net amount of all invoices."
    assert not fields["revenue"]["nullable"]
    assert found[urn, "schemaMetadata"]["primaryKeys"] == ["client_id"]
    assert [o["owner"] for o in found[urn, "ownership"]["owners"]] == [
        "urn:li:corpGroup:finance",
        "urn:li:corpuser:ada@example.org",
    ]
    assert found[urn, "siblings"] == {"siblings": [dbt], "primary": False}
    assert found[dbt, "siblings"] == {"siblings": [urn], "primary": True}
    assert found[dbt, "glossaryTerms"]["terms"] == [{"urn": "urn:li:glossaryTerm:Revenue"}]
    assert found[dbt, "globalTags"]["tags"] == [{"tag": "urn:li:tag:dbt:finance"}]
    by_column = {
        lineage["downstreams"][0]: lineage["upstreams"]
        for lineage in found[dbt, "upstreamLineage"]["fineGrainedLineages"]
    }
    invoices = WAREHOUSE.format("staging.stg_books__invoices")
    assert by_column[f"urn:li:schemaField:({dbt},revenue)"] == [
        f"urn:li:schemaField:({invoices},net_amount)"
    ]


def test_a_raw_table_says_where_it_comes_from_what_it_holds_and_when_it_was_loaded(catalogued):
    found = catalogued.catalog.aspects
    urn = WAREHOUSE.format("freelancer_raw.books_clients")
    assert found[urn, "upstreamLineage"]["upstreams"][0]["dataset"] == (
        "urn:li:dataset:(urn:li:dataPlatform:file,books.clients,DEV)"
    )
    assert found[urn, "ownership"]["owners"][0]["owner"] == "urn:li:corpGroup:books"
    assert found[urn, "operation"]["numAffectedRows"] == 2
    profile = found[urn, "datasetProfile"]
    nulls = {f["fieldPath"]: f["nullCount"] for f in profile["fieldProfiles"]}
    assert (profile["rowCount"], nulls["country"], nulls["currency"]) == (2, 1, 0)
    loader = "urn:li:dataJob:(urn:li:dataFlow:(dagster,daily_data_pipeline,DEV),{})"
    job = found[loader.format("dlt_ingestion_pipeline"), "dataJobInputOutput"]
    assert urn in job["outputDatasets"]
    assert job["inputDatasets"] == []


def test_a_source_that_dbt_calls_otherwise_is_the_sibling_of_its_table(catalogued):
    found = catalogued.catalog.aspects
    table, source = (
        WAREHOUSE.format("freelancer_raw.books_clients"),
        DBT.format("freelancer_raw.books_clients"),
    )
    assert found[table, "siblings"]["siblings"] == [source]
    assert found[source, "datasetProperties"]["name"] == "books_clients"
    lineage = found[DBT.format("staging.stg_books__clients"), "upstreamLineage"]
    assert [u["dataset"] for u in lineage["upstreams"]] == [source]
    assert [
        (fine["upstreams"][0].split(",")[-1], fine["downstreams"][0].split(",")[-1])
        for fine in lineage["fineGrainedLineages"]
    ] == [
        ("client_id)", "client_id)"),
        ("name)", "client_name)"),
        ("country)", "country)"),
        ("currency)", "currency)"),
    ]


def test_every_urn_that_a_proposal_refers_to_is_described(catalogued):
    described = {r["entityUrn"] for r in catalogued.catalog.records}
    for record in catalogued.catalog.records:
        if record["aspectName"] == "upstreamLineage":
            assert {u["dataset"] for u in record["aspect"]["json"]["upstreams"]} <= described
        if record["aspectName"] == "siblings":
            assert set(record["aspect"]["json"]["siblings"]) <= described
        if record["aspectName"] == "assertionRunEvent":
            assert record["aspect"]["json"]["asserteeUrn"] in described


def test_nested_columns_are_listed_with_their_fields(catalogued):
    schema = catalogued.catalog.aspects[
        WAREHOUSE.format("staging.stg_shop__customers"), "schemaMetadata"
    ]
    kinds = {f["fieldPath"]: next(iter(f["type"]["type"])) for f in schema["fields"]}
    assert kinds == {
        "customer_id": "com.linkedin.schema.NumberType",
        "address": "com.linkedin.schema.RecordType",
        "place": "com.linkedin.schema.RecordType",
        "place.street": "com.linkedin.schema.StringType",
        "place.geo": "com.linkedin.schema.RecordType",
        "place.geo.country": "com.linkedin.schema.StringType",
    }


def test_assertions_carry_the_results_of_dbt_and_great_expectations(catalogued):
    facts = catalogued.metadata
    found = catalogued.catalog.aspects
    definitions = {urn: aspect for (urn, name), aspect in found.items() if name == "assertionInfo"}
    outcome = {
        (info.get("customProperties") or {}).get("check_name")
        or info["customAssertion"]["nativeType"]: found[urn, "assertionRunEvent"]["result"]
        for urn, info in definitions.items()
    }
    assert outcome["revenue_is_known"]["type"] == "SUCCESS"
    assert outcome["amount_is_plausible"]["type"] == "FAILURE"
    assert outcome["amount_is_plausible"]["unexpectedCount"] == 2
    assert outcome["broken"]["type"] == "ERROR"
    warned = outcome["positive_client_revenue_revenue"]
    assert (warned["type"], warned["severity"]) == ("FAILURE", "LOW")
    assert outcome["unique_client_revenue_client_id"]["type"] == "SUCCESS"
    assert (facts["assertions_passed"], facts["assertions_failed"]) == (6, 3)


def test_a_table_of_an_unknown_connector_is_catalogued_too(catalogued):
    found = catalogued.catalog.aspects
    urn = WAREHOUSE.format("freelancer_raw.github_issues")
    assert found[urn, "datasetProperties"]["description"] == "Loaded by airbyte-source-github."
    assert found[urn, "upstreamLineage"]["upstreams"][0]["dataset"] == (
        "urn:li:dataset:(urn:li:dataPlatform:airbyte,github.issues,DEV)"
    )


def test_a_source_that_the_catalog_has_never_heard_of_is_described_by_its_loaders_report(
    catalogued,
):
    found = catalogued.catalog.aspects
    urn = WAREHOUSE.format("freelancer_raw.crm_contacts")
    origin = "urn:li:dataset:(urn:li:dataPlatform:postgres,crm.contacts,DEV)"
    assert found[urn, "datasetProperties"]["description"] == "People whom the freelancer knows."
    assert [o["owner"] for o in found[urn, "ownership"]["owners"]] == ["urn:li:corpGroup:sales"]
    [column] = found[urn, "schemaMetadata"]["fields"]
    assert (column["description"], column["isPartOfKey"]) == ("Number of the contact.", True)
    assert [u["dataset"] for u in found[urn, "upstreamLineage"]["upstreams"]] == [origin]
    operation = found[urn, "operation"]
    assert (operation["numAffectedRows"], operation["customProperties"]["asset"]) == (
        1,
        "card_index",
    )
    job = "urn:li:dataJob:(urn:li:dataFlow:(dagster,daily_data_pipeline,DEV),card_index)"
    assert found[job, "dataJobInputOutput"]["outputDatasets"] == [urn]
    assert catalogued.check.passed, catalogued.check.metadata["lacking"].value


def test_a_second_run_changes_nothing_but_times(written_before):
    first = written_before.catalog.records
    second = run_catalog(written_before.catalog.home).catalog.records
    assert without_times(first) == without_times(second)
    assert first[0]["systemMetadata"]["runId"] != second[0]["systemMetadata"]["runId"]


def test_a_load_with_nothing_new_takes_nothing_from_the_catalog(written_before, store):
    before = written_before.catalog.records
    nothing = load("books", "dlt_ingestion_pipeline", {}, books_clients=0, books_invoices=0)
    write_report(store, "next", nothing)
    after = run_catalog(written_before.catalog.home).catalog.records
    assert without_times(after) == without_times(before)


def test_the_check_passes_with_the_run_and_alone(stack, instance):
    evaluation = run_catalog(stack, instance).check
    assert evaluation.passed
    assert evaluation.check_name == EVERY_TABLE
    shutil.rmtree(stack / "catalog")
    defs = dg.Definitions(assets=[datahub_metadata_ingestion])
    job = dg.define_asset_job("alone", selection=dg.AssetSelection.all_asset_checks()).resolve(
        asset_graph=defs.resolve_asset_graph()
    )
    [alone] = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert alone.passed
    assert not (stack / "catalog").exists(), "a check writes nothing"


def test_a_table_without_a_description_fails_the_check_not_the_run(stack):
    with connect(load_settings(WarehouseSettings)) as connection:
        connection.execute("create table marts.scratchpad (a int)")
    evaluation = run_catalog(stack).check
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert "marts.scratchpad: description" in evaluation.metadata["lacking"].value


def test_quality_was_skipped_so_its_assertions_are_missing_and_the_run_says_so(stack):
    (stack / "artifacts" / "latest" / "gx" / "validation_result.json").unlink()
    facts = run_catalog(stack).metadata
    assert facts["missing"] == "- gx/validation_result.json: Great Expectations assertions"
    assert facts["column_lineage_edges"] > 50


def test_a_model_that_is_not_built_yet_is_named_and_left_out(stack):
    with connect(load_settings(WarehouseSettings)) as connection:
        connection.execute("drop table marts.client_revenue")
    run = run_catalog(stack)
    facts = run.metadata
    assert "model.small_books.client_revenue: warehouse.marts.client_revenue" in facts["missing"]
    urns = {urn for urn, name in run.catalog.aspects if name == "datasetProperties"}
    assert DBT.format("marts.client_revenue") not in urns
    assert WAREHOUSE.format("marts.client_revenue") not in urns


def test_what_was_dropped_is_marked_as_removed_until_it_is_back(stack):
    def drop_and_run(statement: str) -> dict[str, dict]:
        with connect(load_settings(WarehouseSettings)) as connection:
            connection.execute(statement)
        run = run_catalog(stack)
        return {
            urn: aspect
            for (urn, name), aspect in run.catalog.aspects.items()
            if name == "status" and aspect["removed"]
        }

    urn = WAREHOUSE.format("marts.extra")
    assert drop_and_run("create table marts.extra as select 1 as a") == {}
    assert set(drop_and_run("drop table marts.extra")) == {urn}
    assert set(drop_and_run("select 1")) == {urn}, "a file may be ingested only now"
    assert drop_and_run("create table marts.extra as select 1 as a") == {}


def test_a_run_without_an_artifact_removes_nothing(written_before):
    stack = written_before.catalog.home
    gone = stack / "artifacts" / "latest" / "gx" / "validation_result.json"
    kept = gone.read_bytes()
    gone.unlink()
    run = run_catalog(stack)
    assert run.metadata["entities_removed"] == 0
    gone.write_bytes(kept.replace(b'"broken"', b'"mended"'))
    run = run_catalog(stack)
    assert run.metadata["entities_removed"] == 1, "the expectation that the suite no longer has"


def test_an_artifact_that_is_no_json_fails_the_run_and_keeps_the_old_catalog(written_before, store):
    stack = written_before.catalog.home
    before = (stack / "catalog" / "metadata.json").read_bytes()
    store.put("broken", "load/books.json", b'{"tables": ')
    with pytest.raises(
        ArtifactError, match=r"latest/load/books\.json: found Invalid JSON.*expected a LoadReport"
    ):
        run_catalog(stack)
    assert (stack / "catalog" / "metadata.json").read_bytes() == before


@pytest.mark.parametrize("destination", ["duckdb", "ducklake"])
def test_an_empty_warehouse_is_catalogued(stack_home, monkeypatch, destination):
    monkeypatch.setenv("DLT_DESTINATION", destination)
    facts = run_catalog(stack_home).metadata
    assert facts["entities_total"] == 12  # platform, owner, database, two flows, seven steps
    assert "raw table books_clients: not in the warehouse yet" in facts["missing"]


@pytest.mark.parametrize("destination", ["duckdb", "ducklake"])
def test_tables_that_were_never_loaded_are_catalogued_from_their_declaration(
    stack_home, monkeypatch, destination
):
    monkeypatch.setenv("DLT_DESTINATION", destination)
    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables())
        connection.execute("create schema staging")
        connection.execute(
            "create view staging.v as select address, 1.5::decimal(18,2) as d "
            "from freelancer_raw.shop_customers"
        )
    run = run_catalog(stack_home)
    assert run.check.metadata["lacking"].value == "- staging.v: description"
    found = run.catalog.aspects
    for table in raw_tables():
        urn = WAREHOUSE.format(f"freelancer_raw.{table.table_name}")
        fields = found[urn, "schemaMetadata"]["fields"]
        assert [f["fieldPath"] for f in fields] == [c.name for c in table.columns]
        assert all(f.get("description") for f in fields)
        assert found[urn, "datasetProfile"]["rowCount"] == 0
        assert (urn, "upstreamLineage") in found
    view = WAREHOUSE.format("staging.v")
    assert found[view, "subTypes"]["typeNames"] == ["View"]
    assert "shop_customers" in found[view, "viewProperties"]["viewLogic"]


def test_env_and_platform_instance_are_part_of_every_name(stack, monkeypatch):
    monkeypatch.setenv("DAGSTER_ENV", "prod")
    monkeypatch.setenv("DATAHUB_PLATFORM_INSTANCE", "acme")
    records = run_catalog(stack).catalog.records
    datasets = {r["entityUrn"] for r in records if r["entityType"] == "dataset"}
    assert all(urn.endswith(",PROD)") for urn in datasets)
    assert all(",acme." in urn for urn in datasets)


def test_nothing_is_left_among_the_systems_temporary_files(stack, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    run_catalog(stack)
    gc.collect()
    assert list(folder.rglob("sqlite.db")) == []
    assert "Traceback" not in capfd.readouterr().err
