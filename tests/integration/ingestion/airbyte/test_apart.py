"""A fault in one stream, field or record doesn't affect the others."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.airbyte.sync import SyncError
from ingestion.loading import read_state
from stack.load_report import Outcome
from support.fake_connector import Script, declare

PLAIN = {"id": "integer", "title": "string"}
READ = """
for entry in catalog["streams"]:
    name = entry["stream"]["name"]
    start = next((s["stream"]["stream_state"]["next"] for s in saved or []
                  if s["stream"]["stream_descriptor"]["name"] == name), 0)
    record(name, id=start, title="t")
    state(name, next=start + 1)
"""


def read_of(synced, stream):
    [found] = [i for i in synced.inputs if i.name == f"crm.{stream}"]
    return found


def script_with(read=READ, **schemas) -> Script:
    """A connector whose streams have these schemas, which need not be any."""
    script = Script(read, streams=dict.fromkeys(schemas, PLAIN))
    text = script.text

    def changed() -> str:
        catalog = json.dumps({n: s for n, s in schemas.items() if s is not PLAIN})
        say = (
            f"changes = json.loads({catalog!r})\n"
            "plain_say = say\n"
            "def say(kind, **body):\n"
            "    for stream in (body['catalog']['streams'] if kind == 'CATALOG' else []):\n"
            "        if stream['name'] in changes:\n"
            "            stream['json_schema'] = changes[stream['name']]\n"
            "    plain_say(kind, **body)\n"
        )
        return text().replace("counts = {}\n", f"{say}counts = {{}}\n")

    script.text = changed
    return script


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        True,
        {"type": "object"},
        {"properties": []},
        {"properties": {"id": {"type": "integer"}, "title": True}},
        {"properties": {"id": {"type": "integer"}, "title": {"type": ["string", 5]}}},
        {"properties": {"id": {"type": "integer"}, "title": {"oneOf": [True, {}]}}},
        {"properties": {"id": None, "title": {"type": "text"}}},
    ],
)
def test_a_stream_without_a_schema_or_with_a_bad_field_loads_by_its_values(syncs, tmp_path, schema):
    connection = declare(tmp_path, streams={"odd": {}, "deals": {}})
    script = script_with(odd=schema, deals=PLAIN)
    for loaded in (1, 2):
        synced = syncs.run(connection, script)
        assert {i.outcome for i in synced.inputs} == {Outcome.LOADED}
        assert [t.rows_total for t in synced.tables.values()] == [loaded, loaded]
    assert syncs.query("select id, title from crm_odd order by id") == [(0, "t"), (1, "t")]


def test_a_stream_that_the_source_does_not_have_stops_none_of_the_others(syncs, tmp_path):
    connection = declare(tmp_path, streams={"gone": {}, "deals": {}})
    syncs.run(connection, script_with(gone=PLAIN, deals=PLAIN))
    with pytest.raises(SyncError, match="stream gone is not in the source") as error:
        syncs.run(connection, script_with(deals=PLAIN))
    gone = read_of(error.value.done, "gone")
    assert (gone.outcome, "not in the source" in gone.reason) == (Outcome.FAILED, True)
    assert syncs.query("select id from crm_deals order by id") == [(0,), (1,)]
    # It goes on from where it was, once it is there again.
    syncs.run(connection, script_with(gone=PLAIN, deals=PLAIN))
    assert syncs.query("select id from crm_gone order by id") == [(0,), (1,)]


def test_a_record_that_is_none_is_set_aside_and_counted(syncs, tmp_path):
    read = """
record("deals", id=1)
for data in (["a", "list"], None, "text"):
    counts["deals"] = counts.get("deals", 0) + 1
    say("RECORD", record={"stream": "deals", "data": data, "emitted_at": 0})
record("deals", id=2)
state("deals", next=3)
record("people", id=1)
state("people", next=2)
"""
    connection = declare(tmp_path, streams={"deals": {}, "people": {}})
    synced = syncs.run(connection, script_with(read, deals=PLAIN, people=PLAIN))
    deals = read_of(synced, "deals")
    assert (deals.records, deals.loaded, deals.missing) == (5, 2, 0)
    assert [(part.records, part.reason) for part in deals.set_aside] == [
        (3, "deals: its data is no object with named values")
    ]
    [entry] = syncs.quarantine.entries(["airbyte"])
    kept = [json.loads(line) for line in Path(entry.place).read_text().splitlines()]
    assert [found["record"] for found in kept] == [["a", "list"], None, "text"]
    assert len(read_state("crm")["states"]) == 2


def test_a_record_without_its_key_in_a_stream_without_a_schema_is_set_aside(syncs, tmp_path):
    read = 'record("odd", title="x"); record("odd", title="y"); state("odd", next=1)'
    synced = syncs.run(declare(tmp_path, streams={"odd": {}}), script_with(read, odd={}))
    assert read_of(synced, "odd").set_aside[0].reason == "odd: found no id, the primary key"


def test_records_that_do_not_fit_leave_the_state_where_it_was_if_there_are_too_many(
    syncs, tmp_path
):
    read = """
for number in range(1002):
    record("odd", id="none")
state("odd", next=1); record("deals", id=1); state("deals", next=2)
"""
    connection = declare(tmp_path, streams={"odd": {}, "deals": {}})
    with pytest.raises(SyncError, match=r"crm_odd: more than 1,000 records don't fit") as error:
        syncs.run(connection, script_with(read, odd=PLAIN, deals=PLAIN))
    assert read_of(error.value.done, "deals").loaded == 1
    [saved] = read_state("crm")["states"]
    assert saved["stream"]["stream_descriptor"]["name"] == "deals"


def test_numbers_beyond_a_double_are_exact(syncs, tmp_path):
    read = """
raw('{"type": "RECORD", "record": {"stream": "odd", "emitted_at": 0, "data": {"id": 1, '
    '"cents": 12345678901234567890123, "doc": {"a": 70368744177664.01, "b": 1.5}}}}\\n')
state("odd", next=1)
"""
    schema = {"properties": {"id": {"type": "integer"}, "doc": {"type": "object"}}}
    syncs.run(declare(tmp_path, streams={"odd": {}}), script_with(read, odd=schema))
    assert syncs.query("select cents, doc from crm_odd") == [
        (Decimal("12345678901234567890123"), '{"a": 70368744177664.01, "b": 1.5}')
    ]
