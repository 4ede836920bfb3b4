"""A user's own connections as assets: several at once, one of them failing."""

from pathlib import Path

import dagster as dg
import pytest

from ingestion.airbyte.connection import load_connections
from ingestion.airbyte.loader import AirbyteLoader
from ingestion.airbyte.records import RecordWriter
from ingestion.loader_asset import loader_asset
from ingestion.quarantine import Quarantine
from ingestion.settings import AirbyteSettings, QuarantineSettings
from stack.artifacts import ArtifactStore
from stack.load_report import Outcome, read_report
from stack.settings import StackSettings, load_settings
from support.fake_connector import Script, declare, put

DEALS = {"deals": {"id": "integer", "title": "string"}}
GOOD = Script(
    'record("deals", id=1, title="a", stage="won")\nrecord("deals", id="?")\nstate("deals", at=1)',
    streams=DEALS,
)
BROKEN = Script(
    'record("deals", id=1)\nstate("deals", at=1)\nrecord("deals", id=2)\nsys.exit(1)',
    streams=DEALS,
)


@pytest.fixture
def connections(tmp_path, monkeypatch):
    folder, connectors = tmp_path / "connections", tmp_path / "connectors"
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(connectors))
    for name, package, script in (("crm", "source-good", GOOD), ("desk", "source-bad", BROKEN)):
        connector = {"package": f"{package}==1.0", "executable": package}
        streams = {"deals": {"primary_key": ["id"]}}
        put(declare(folder, name=name, connector=connector, streams=streams), connectors, script)
    connector = {"package": "source-good==1.0", "executable": "source-good"}
    declare(folder, name="unset", connector=connector, config={"token": "${NOT_SET_ANYWHERE}"})
    return load_connections(folder)


def asset_of(connections) -> dg.AssetsDefinition:
    return loader_asset("airbyte_sync_job", [AirbyteLoader(connections)], "")


def test_assets_and_checks_come_from_the_declaration_alone(connections):
    assets = asset_of(connections)
    assert {key.to_user_string() for key in assets.keys} == {
        "airbyte_sync_job",
        "raw/crm_deals",
        "raw/desk_deals",
        "raw/unset_deals",
    }
    keys = [k.asset_key.path[-1] for k in assets.check_keys if k.name == "primary_key_unique"]
    assert sorted(keys) == ["crm_deals", "desk_deals"]  # the key of unset.deals is not known yet


@pytest.mark.parametrize("destination", ["duckdb", "ducklake"])
def test_one_connection_that_fails_stops_no_other_and_fails_the_run(
    stack_home, connections, monkeypatch, destination
):
    monkeypatch.setenv("DLT_DESTINATION", destination)
    result = dg.materialize(
        [asset_of(connections)],
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    assert not result.success
    [failure] = result.get_step_failure_events()
    told = failure.step_failure_data.error_display_string
    assert "source-bad==1.0 read: it exited with 1" in told
    assert "committed: desk_deals checkpoint" in told
    assert "config: NOT_SET_ANYWHERE is not set" in told

    events = result.get_asset_materialization_events()
    rows = {e.asset_key.path[-1]: e.materialization.metadata for e in events}
    assert {name: m["dagster/row_count"].value for name, m in rows.items()} == {
        "crm_deals": 1,
        "desk_deals": 1,
    }
    columns = rows["crm_deals"]["dagster/column_schema"].schema.columns
    assert [(c.name, c.type) for c in columns] == [
        ("id", "bigint"),
        ("title", "varchar"),
        ("stage", "varchar"),
    ]

    failed = [c.check_name for c in result.get_asset_check_evaluations() if not c.passed]
    assert failed == ["nothing_set_aside", "every_source_loaded"]
    report = read_report(
        ArtifactStore(load_settings(StackSettings).artifacts), "airbyte", result.run_id
    )
    ((found, part),) = report.set_aside()
    assert (found.name, found.records, found.loaded) == ("crm.deals", 2, 1)
    assert part.reason == 'deals.id: found "?", expected bigint'
    assert '"id": "?"' in Path(part.where).read_text()
    outcomes = {found.name: found.outcome for found in report.inputs}
    assert outcomes["desk.deals"] is Outcome.PARTLY


def test_a_record_lost_between_connector_and_table_fails_the_account(
    stack_home, connections, monkeypatch
):
    """The connector counts two by itself; only one arrives."""
    counted = Script(
        'record("deals", id=1)\nrecord("deals", id=2)\n'
        'say("STATE", state={"type": "STREAM", "sourceStats": {"recordCount": 2.0}, '
        '"stream": {"stream_descriptor": {"name": "deals"}, "stream_state": {"at": 2}}})',
        streams=DEALS,
    )
    [crm] = [c for c in connections if c.name == "crm"]
    put(crm, load_settings(AirbyteSettings).connectors, counted)

    def evaluated() -> dict[str, str | None]:
        instance = dg.DagsterInstance.ephemeral()
        result = dg.materialize([asset_of([crm])], instance=instance)
        return {
            c.check_name: c.description
            for c in result.get_asset_check_evaluations()
            if not c.passed
        }

    assert evaluated() == {}
    add = RecordWriter.add
    monkeypatch.setattr(RecordWriter, "add", lambda s, d, n: d["id"] == 1 and add(s, d, n))
    assert evaluated() == {"every_row_accounted_for": "crm.deals: 1 records are missing"}


def test_a_record_that_was_set_aside_is_put_back_by_reading_its_stream_again(
    stack_home, connections
):
    [crm] = [c for c in connections if c.name == "crm"]
    loader = AirbyteLoader([crm])
    loader.load()
    quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)
    [entry] = quarantine.entries(["airbyte"])
    mended = GOOD.read.replace('id="?"', "id=2")
    put(crm, load_settings(AirbyteSettings).connectors, Script(mended, streams=DEALS))
    assert "from its beginning" in loader.put_back(entry)
    assert loader.load().tables["crm_deals"].rows_total == 2


def test_a_stream_without_a_key_is_not_read_twice(stack_home, tmp_path, monkeypatch):
    connection = declare(tmp_path, streams={"visits": {}})
    script = Script(
        'if not saved:\n    record("visits", page="/")\nstate("visits", at=1)',
        streams={"visits": {"key": None, "page": "string"}},
    )
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(tmp_path / "connectors"))
    put(connection, tmp_path / "connectors", script)
    loader = AirbyteLoader([connection])
    assert loader.load().tables["crm_visits"].rows_total == 1
    loader.forget(["crm_visits"])
    assert loader.load().tables["crm_visits"].rows_total == 1
