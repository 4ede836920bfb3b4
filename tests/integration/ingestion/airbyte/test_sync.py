"""A sync's way into the warehouse: rows and state together, with nothing lost."""

import json
from pathlib import Path

import pytest

from ingestion.airbyte.sync import SyncError
from ingestion.loading import read_state
from stack.warehouse import connect
from support.fake_connector import Script, declare
from support.reports import streams_of

DEALS = {"deals": {"id": "integer", "title": "string"}}
DONE = 'state("deals", next=1)\nstatus("deals", "COMPLETE")'

# A source of ten deals in pages of two, a STATE after each page, that goes on from a state.
PAGES = """
fail_at = config.get("fail_at")
start = saved[0]["stream"]["stream_state"]["next"] if saved else 0
status("deals", "STARTED")
for i in range(start, config.get("until", 10)):
    if i == fail_at:
        error("the API went away")
        sys.exit(1)
    record("deals", id=i, title=f"deal {i}")
    if i % 2 == 1:
        state("deals", next=i + 1)
status("deals", "COMPLETE")
"""


def outcomes(report) -> dict:
    return {s.stream: (s.outcome, s.rows_loaded, s.rows_total) for s in streams_of(report)}


def test_a_sync_that_breaks_off_keeps_its_checkpoint_and_the_next_goes_on_from_it(syncs, tmp_path):
    script = Script(PAGES, streams=DEALS)
    with pytest.raises(SyncError, match="the API went away") as error:
        syncs.run(declare(tmp_path, config={"fail_at": 7}), script)
    assert outcomes(error.value.done) == {"deals": ("checkpoint", 6, 6)}
    [saved] = read_state("crm")["states"]
    assert saved["stream"]["stream_state"] == {"next": 6}

    report = syncs.run(declare(tmp_path), script)
    assert outcomes(report) == {"deals": ("complete", 4, 10)}
    assert syncs.query("select id, title from crm_deals order by id") == [
        (i, f"deal {i}") for i in range(10)
    ]


def test_a_source_that_cannot_be_continued_keeps_nothing_of_a_half_read_stream(syncs, tmp_path):
    script = Script(PAGES, streams=DEALS)
    plain = {"package": "source-fake==1.0", "executable": "source-fake", "resumable": False}
    connection = declare(tmp_path, connector=plain, config={"fail_at": 7})
    with pytest.raises(SyncError) as error:
        syncs.run(connection, script)
    assert outcomes(error.value.done) == {"deals": ("discarded", 0, 0)}
    assert read_state("crm") == {}


def test_what_was_committed_before_survives_a_sync_that_fails_at_once(syncs, tmp_path):
    script = Script(PAGES, streams=DEALS)
    syncs.run(declare(tmp_path, config={"until": 6}), script)
    before = read_state("crm")
    for broken in ('print("{{{{"); raw(\'{"type": "RECO\')', "sys.exit(2)", 'record("unknown")'):
        with pytest.raises(SyncError):
            syncs.run(declare(tmp_path), Script(broken, streams=DEALS))
    assert read_state("crm") == before
    assert syncs.query("select count(*) from crm_deals") == [(6,)]


def test_a_complete_stream_is_committed_though_another_failed(syncs, tmp_path):
    script = Script(
        """
status("people", "STARTED"); record("people", id=1); state("people", next=1)
status("people", "COMPLETE")
status("deals", "STARTED"); record("deals", id=1, title="half")
error("deals are out of reach"); status("deals", "INCOMPLETE"); sys.exit(1)
""",
        streams={**DEALS, "people": {"id": "integer"}},
    )
    with pytest.raises(SyncError, match=r"crm_deals discarded, crm_people complete") as error:
        syncs.run(declare(tmp_path, streams={"deals": {}, "people": {}}), script)
    assert outcomes(error.value.done)["people"] == ("complete", 1, 1)
    assert [s["stream"]["stream_descriptor"]["name"] for s in read_state("crm")["states"]] == [
        "people"
    ]


def test_a_stream_that_was_begun_and_never_completed_is_a_failure(syncs, tmp_path):
    script = Script('status("deals", "STARTED"); record("deals", id=1)', streams=DEALS)
    with pytest.raises(SyncError, match="stream deals was left incomplete"):
        syncs.run(declare(tmp_path), script)


def test_a_table_that_a_person_dropped_is_loaded_anew(syncs, tmp_path):
    script = Script(PAGES, streams=DEALS)
    syncs.run(declare(tmp_path), script)
    with connect() as connection:
        connection.execute("drop table freelancer_raw.crm_deals")
    assert outcomes(syncs.run(declare(tmp_path), script)) == {"deals": ("complete", 10, 10)}


def test_a_full_refresh_replaces_the_table_and_a_broken_one_leaves_it(syncs, tmp_path):
    def connection(**config):
        return declare(tmp_path, streams={"deals": {"sync_mode": "full_refresh"}}, config=config)

    read = """
assert catalog["streams"][0]["destination_sync_mode"] == "overwrite"
assert saved is None
for i in config["ids"]:
    record("deals", id=i)
    state("deals", seen=i)
sys.exit(config.get("exit", 0))
"""
    script = Script(read, streams=DEALS)
    syncs.run(connection(ids=[1, 2, 3]), script)
    with pytest.raises(SyncError):
        syncs.run(connection(ids=[4], exit=1), script)
    assert syncs.query("select id from crm_deals order by id") == [(1,), (2,), (3,)]
    syncs.run(connection(ids=[3, 4]), script)
    assert syncs.query("select id from crm_deals order by id") == [(3,), (4,)]
    assert outcomes(syncs.run(connection(ids=[]), script)) == {"deals": ("complete", 0, 0)}


def test_new_columns_appear_and_later_ones_keep_their_type(syncs, tmp_path):
    script = Script(
        """
number = saved[0]["stream"]["stream_state"]["run"] if saved else 0
extra = [{}, {"score": 1.5, "ownerId": 7}, {"score": 2, "ownerId": None}][number]
record("deals", id=number, title="t", **extra)
state("deals", run=number + 1)
""",
        streams=DEALS,
    )
    added = [streams_of(syncs.run(declare(tmp_path), script))[0].columns_added for _ in range(3)]
    assert added == [(), ("score", "owner_id"), ()]
    assert syncs.query("select id, score, owner_id from crm_deals order by id") == [
        (0, None, None),
        (1, 1.5, 7),
        (2, 2.0, None),
    ]


def test_records_that_do_not_fit_are_set_aside_before_the_rest_is_committed(syncs, tmp_path):
    script = Script(
        'record("deals", id=1)\nrecord("deals", id="none", title="bad")\nstate("deals", next=3)',
        streams=DEALS,
    )
    [stream] = streams_of(syncs.run(declare(tmp_path), script))
    assert (stream.rows_read, stream.rows_loaded, stream.rows_total) == (2, 1, 1)
    [entry] = syncs.quarantine.entries(["airbyte"])
    assert (entry.path, entry.table, entry.records) == ("crm.deals", "crm_deals", 1)
    assert json.loads(Path(entry.place).read_text()) == {
        "reason": 'deals.id: found "none", expected bigint',
        "position": 1,
        "record": {"id": "none", "title": "bad"},
    }


def test_a_global_state_goes_forward_with_all_streams_or_not_at_all(syncs, tmp_path):
    script = Script(
        """
def everything(lsn):
    streams = [{"stream_descriptor": {"name": n}, "stream_state": {}} for n in ("deals", "people")]
    whole = {"shared_state": {"lsn": lsn}, "stream_states": streams}
    say("STATE", state={"type": "GLOBAL", "global": whole})
lsn = saved[0]["global"]["shared_state"]["lsn"] if saved else 0
for i in range(lsn, 4):
    record("deals", id=i); record("people", id=i); everything(i + 1)
    if i == config.get("fail_after"):
        record("deals", id=99); sys.exit(1)
""",
        streams={**DEALS, "people": {"id": "integer"}},
    )
    streams = {"deals": {}, "people": {}}
    with pytest.raises(SyncError):
        syncs.run(declare(tmp_path, streams=streams, config={"fail_after": 1}), script)
    counts = "select (select count(*) from crm_deals), (select count(*) from crm_people)"
    assert syncs.query(counts) == [(2, 2)]
    syncs.run(declare(tmp_path, streams=streams), script)
    assert syncs.query(counts) == [(4, 4)]


def test_rows_without_a_key_are_appended(syncs, tmp_path):
    script = Script(
        'record("visits", page="/")\nstate("visits", at=1)',
        streams={"visits": {"key": None, "page": "string"}},
    )
    connection = declare(tmp_path, streams={"visits": {}})
    syncs.run(connection, script)
    syncs.run(connection, script)
    assert syncs.query("select page from crm_visits") == [("/",), ("/",)]


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"leads": {}}, "stream leads is not in the source; it has deals"),
        ({"deals": {"primary_key": ["nr"]}}, "stream deals has no field nr for its primary key"),
    ],
)
def test_a_stream_that_the_source_does_not_offer_so_is_named(syncs, tmp_path, declared, told):
    with pytest.raises(SyncError, match=told):
        syncs.run(declare(tmp_path, streams=declared), Script(streams=DEALS))


def test_a_secret_of_the_environment_reaches_the_connector_and_no_report(
    syncs, tmp_path, monkeypatch
):
    monkeypatch.setenv("CRM_TOKEN", "hunter2hunter2")
    script = Script(
        'assert config["token"] == "hunter2hunter2"\n'
        'record("deals", id=1)\nstate("deals", cursor=config["token"])',
        streams=DEALS,
    )
    report = syncs.run(declare(tmp_path, config={"token": "${CRM_TOKEN}"}), script)
    assert "hunter2" not in repr(report)
    assert '"cursor": "***"' in streams_of(report)[0].state


@pytest.mark.parametrize(
    ("before", "first", "after", "second", "rows"),
    [
        ("integer", 7, "string", "A7", [("7",), ("A7",)]),
        ("integer", 7, "number", 7.5, [(7.0,), (7.5,)]),
        ("string", "A7", "integer", 7, [("A7",), ("7",)]),
        ("boolean", True, "string", "yes", [("true",), ("yes",)]),
        ({"type": "string", "format": "date"}, "2026-01-05", "string", "soon",
         [("2026-01-05",), ("soon",)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sync_mode", ["incremental", "full_refresh"])
def test_a_column_that_its_source_announces_anew_holds_both(  # noqa: PLR0917
    syncs, tmp_path, before, first, after, second, rows, sync_mode
):
    connection = declare(tmp_path, streams={"deals": {"sync_mode": sync_mode}})
    for number, (kind, value) in enumerate([(before, first), (after, second)], 1):
        read = f'record("deals", id={number}, v={value!r})\n{DONE}'
        script = Script(read, streams={"deals": {"id": "integer", "v": kind}})
        syncs.run(connection, script)
    expected = rows if sync_mode == "incremental" else rows[1:]
    assert syncs.query("select v from crm_deals order by id") == expected
    assert syncs.quarantine.entries() == []


def test_a_whole_number_that_the_announced_type_has_no_room_for_is_not_rounded(syncs, tmp_path):
    connection = declare(tmp_path)
    for kind, value in (("integer", 2**53 + 1), ("number", 7.5)):
        read = f'record("deals", id={int(value)}, v={value})\n{DONE}'
        script = Script(read, streams={"deals": {"id": "integer", "v": kind}})
        if kind == "integer":
            syncs.run(connection, script)
    with pytest.raises(SyncError, match=r"crm_deals\.v has whole numbers beyond 2\*\*53"):
        syncs.run(connection, script)
    assert syncs.query("select v from crm_deals") == [(2**53 + 1,)]


@pytest.mark.parametrize("announced", [True, False])
def test_a_field_keeps_its_column_when_another_of_its_spelling_comes_before_it(
    syncs, tmp_path, announced
):
    names = [["client_id"], ["clientId", "client_id"], ["clientId"]]
    for number, fields in enumerate(names):
        values = {"id": number, **{name: f"{name} {number}" for name in fields}}
        schema = {"id": "integer", **dict.fromkeys(fields if announced else [], "string")}
        script = Script(f"record('deals', **{values})\n{DONE}", streams={"deals": schema})
        syncs.run(declare(tmp_path), script)
    assert syncs.query("select client_id, client_id_2 from crm_deals order by id") == [
        ("client_id 0", None),
        ("client_id 1", "clientId 1"),
        (None, "clientId 2"),
    ]
