"""From a source's streams to tables and to the catalog for a read."""

import pytest

from ingestion.airbyte.targets import StreamUnavailableError, build_target
from support.fake_connector import declare, stream_of

DEALS = stream_of("deals", id="integer", closedOn={"type": "string", "format": "date"})


def test_columns_and_key_come_from_the_source_where_nothing_is_declared(tmp_path):
    target = build_target(declare(tmp_path), "deals", [DEALS], {})
    assert target.table.table_name == "crm_deals"
    assert target.table.primary_key == ("id",)
    assert {c.name: c.type for c in target.table.columns} == {"id": "bigint", "closed_on": "date"}
    assert target.fields == {"id": "id", "closedOn": "closed_on"}
    assert target.configured["destination_sync_mode"] == "append_dedup"
    assert target.configured["cursor_field"] == ["id"]


def test_a_declared_table_keeps_its_columns_and_key_whatever_the_source_says(tmp_path):
    connection = declare(tmp_path, name="shop", streams={"items": {"table": "products"}})
    source = stream_of("items", key=None, id="string", sku={"type": "string"})
    target = build_target(connection, "items", [source], {"weight": "double"})
    types = {c.name: c.type for c in target.table.columns}
    assert types["id"] == "bigint"
    assert "sku" not in types
    assert target.later_types == {"sku": "varchar", "weight": "double"}
    assert target.configured["primary_key"] == [["id"]]


def test_a_stream_in_two_namespaces_needs_one_to_be_named(tmp_path):
    both = [{**DEALS, "namespace": name} for name in ("eu", "us")]
    with pytest.raises(StreamUnavailableError, match="is in the namespaces eu, us of the source"):
        build_target(declare(tmp_path), "deals", both, {})
    chosen = declare(tmp_path, streams={"deals": {"namespace": "us"}})
    assert build_target(chosen, "deals", both, {}).configured["stream"]["namespace"] == "us"


@pytest.mark.parametrize(
    ("declared", "changes", "told"),
    [
        ({}, {"supported_sync_modes": ["full_refresh"]}, "can't be read as incremental"),
        ({}, {"source_defined_cursor": False, "default_cursor_field": []}, "needs a cursor_field"),
        ({}, {"source_defined_primary_key": [["a", "b"]]}, "nested primary key"),
        ({"primary_key": ["nr"]}, {}, "has no field nr for its primary key; it has id, closedOn"),
        ({"namespace": "eu"}, {}, "the connection says eu; give the stream one"),
    ],
)
def test_what_the_source_cannot_do_is_told(tmp_path, declared, changes, told):
    connection = declare(tmp_path, streams={"deals": declared})
    with pytest.raises(StreamUnavailableError, match=told):
        build_target(connection, "deals", [{**DEALS, **changes}], {})
