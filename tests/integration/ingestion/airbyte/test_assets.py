"""A user's own connections as assets: several at once, one of which fails."""

import dagster as dg
import pytest

from ingestion.airbyte.assets import build_airbyte_assets, build_airbyte_checks
from ingestion.airbyte.connection import load_connections
from ingestion.airbyte.materialization import ARTIFACT
from stack.artifacts import ArtifactStore
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


def test_assets_and_checks_come_from_the_declaration_alone(connections):
    assets, checks = build_airbyte_assets(connections), build_airbyte_checks(connections)
    assert {key.to_user_string() for key in assets.keys} == {
        "airbyte_sync_job",
        "raw/crm_deals",
        "raw/desk_deals",
        "raw/unset_deals",
    }
    assert len(list(checks.check_keys)) == 7  # the key of unset.deals is not known yet


@pytest.mark.parametrize("destination", ["duckdb", "ducklake"])
def test_one_connection_that_fails_stops_no_other_and_fails_the_run(
    stack_home, connections, monkeypatch, destination
):
    monkeypatch.setenv("DLT_DESTINATION", destination)
    result = dg.materialize(
        [build_airbyte_assets(connections)],
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    assert not result.success
    [failure] = result.get_step_failure_events()
    told = failure.step_failure_data.error_display_string
    assert "source-bad==1.0 read: it exited with 1" in told
    assert "committed: desk_deals checkpoint" in told
    assert "config needs NOT_SET_ANYWHERE, which is not set" in told

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

    failed = [c for c in result.get_asset_check_evaluations() if not c.passed]
    assert [(c.asset_key.path[-1], c.check_name) for c in failed] == [
        ("crm_deals", "no_records_quarantined")
    ]
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    artifact = store.get_json(ARTIFACT, run_id=result.run_id)
    [quarantined] = artifact["quarantined"]
    assert quarantined["reason"] == 'deals.id: found "?", expected bigint'
    assert quarantined["file"].endswith("load/quarantine/crm_deals.jsonl")
    assert b'"id": "?"' in store.get("load/quarantine/crm_deals.jsonl", run_id=result.run_id)
    assert artifact["tables"]["desk_deals"]["outcome"] == "checkpoint"
