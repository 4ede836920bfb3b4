from datetime import UTC, datetime

import duckdb
import pytest

from stack.dbt_artifacts import Node
from stack.freshness import FreshnessPolicy
from stack.freshness.newest import newest_of, policy_of
from stack.settings import WarehouseSettings
from transformation import freshness
from transformation.asset_metadata import Warehouse
from transformation.assets import MANIFEST
from transformation.project import DbtProjectError
from transformation.specs import key_of


def model(**policy) -> Node:
    return Node.model_validate(
        {
            "unique_id": "model.freelancer.takings",
            "resource_type": "model",
            "name": "takings",
            "schema": "marts",
            "original_file_path": "models/marts/_marts__models.yml",
            "config": {"meta": {"freshness": policy} if policy else {}},
        }
    )


def test_every_mart_has_a_policy_and_what_only_leads_to_it_has_none():
    wanted = {key_of(m) for m in MANIFEST.models if m.schema_name == "marts"}
    assert set(freshness.freshness_of(MANIFEST)) == wanted


def test_a_model_tells_its_newest_event(tmp_path):
    settings = WarehouseSettings(stack_home=tmp_path)
    with duckdb.connect(str(settings.duckdb_file)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.takings as select date '2026-01-05' as taken_on")
        warehouse = Warehouse(connection, settings, {})
        told = freshness.model_freshness(model(newest="taken_on", at_most="3 days"), warehouse)
        assert newest_of(told) == datetime(2026, 1, 5, tzinfo=UTC)
        assert policy_of(told) == FreshnessPolicy(newest="taken_on", at_most="3 days")
        assert freshness.model_freshness(model(), warehouse) == {}


def test_a_mistake_in_a_policy_is_named_by_file_model_and_field():
    with pytest.raises(DbtProjectError) as caught:
        freshness.policy_of(model(by="06:00", newest="taken_on", atmost="3 days"))
    told = str(caught.value)
    assert told.startswith("models/marts/_marts__models.yml: model takings: meta.freshness: atmost")
    assert "expected one of by, days, within, newest, at_most" in told
