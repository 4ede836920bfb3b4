"""Results of `check` and `discover` are remembered, but not trusted if rows could go wrong."""

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.airbyte.environments import environment_of
from ingestion.airbyte.remembered import Answers
from ingestion.airbyte.sync import SyncError
from ingestion.loaders import WHAT_IS_NEW, Scope
from ingestion.loading import read_state
from stack.settings import StackSettings, load_settings
from support.fake_connector import ASKED, Script, declare, starts_of_connectors, stream_of
from support.reports import streams_of

# A source whose schema and rows are in files beside it: it changes, its connector doesn't.
DISCOVER = (
    'say("CATALOG", catalog={"streams": json.loads(pathlib.Path(config["has"]).read_text())})'
)
CHECK = """
refused = pathlib.Path(config["has"]).with_name("refused")
said = "FAILED" if refused.exists() else "SUCCEEDED"
say("CONNECTION_STATUS", connectionStatus={"status": said, "message": "the token has expired"})
"""
READ = """
done = saved[0]["stream"]["stream_state"]["next"] if saved else 0
rows = json.loads(pathlib.Path(config["has"]).with_name("rows.json").read_text())
status("deals", "STARTED")
for row in rows[done:]:
    if row == "fail":
        error("the API went away")
        sys.exit(1)
    record("deals", **row)
    done += 1
    state("deals", next=done)
status("deals", "COMPLETE")
"""
SPEC = """
secret = {"type": "string", "airbyte_secret": True}
say("SPEC", spec={"connectionSpecification": {"type": "object", "properties": {"token": secret}}})
"""
SCRIPT = Script(READ, check=CHECK, discover=DISCOVER)
KEYED = {"deals": {"primary_key": ["id"]}}
PLAIN = {"id": "integer", "title": "string"}


class Source:
    """The fake source: what it has, and the connection that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.has(**PLAIN)
        self.rows({"id": 1, "title": "one"})

    def has(self, *, key: str | None = "id", **properties: object) -> None:
        streams = [stream_of("deals", key=key, **properties)]
        (self.folder / "has.json").write_text(json.dumps(streams))

    def rows(self, *rows: object) -> None:
        (self.folder / "rows.json").write_text(json.dumps(rows))

    def connection(self, config: dict | None = None, **fields: object):
        config = {"has": str(self.folder / "has.json"), **(config or {})}
        return declare(self.folder, **{"config": config, "streams": KEYED, **fields})


@pytest.fixture
def source(tmp_path) -> Source:
    return Source(tmp_path / "source")


@pytest.fixture
def starts(monkeypatch) -> list[str]:
    return starts_of_connectors(monkeypatch)


def kept(name: str = "crm") -> Path:
    return Path(load_settings(StackSettings).artifacts) / "connectors" / f"{name}.json"


def change(**fields: object) -> None:
    kept().write_text(json.dumps(json.loads(kept().read_text()) | fields))


def test_new_rows_of_a_known_kind_need_no_question(syncs, source, starts):
    syncs.run(source.connection(), SCRIPT)
    starts.clear()
    source.rows({"id": 1, "title": "one"}, {"id": 2, "title": "two"})
    syncs.run(source.connection(), SCRIPT)
    assert starts == ["read"]
    assert syncs.query("select * from crm_deals order by id") == [(1, "one"), (2, "two")]


@pytest.mark.parametrize(
    "change_it",
    [
        lambda: change(asked_at=str(datetime.now(UTC) - timedelta(hours=24, seconds=1))),
        lambda: change(asked_at=str(datetime.now(UTC) + timedelta(hours=1))),
        lambda: change(connector="another"),
        lambda: change(code="0.0.1"),
        lambda: change(configuration="another"),
    ],
    ids=["expired", "from the future", "connector", "code", "configuration"],
)
def test_what_is_not_of_now_is_asked_again(syncs, source, starts, change_it):
    syncs.run(source.connection(), SCRIPT)
    starts.clear()
    change_it()
    syncs.run(source.connection(), SCRIPT)
    syncs.run(source.connection(), SCRIPT)
    assert starts == [*ASKED, "read"]


def test_another_configuration_connector_or_a_full_refresh_asks_again(syncs, source, starts):
    syncs.run(source.connection(), SCRIPT)
    changed = Script(f"{READ}\n# changed", check=CHECK, discover=DISCOVER)
    newer = {"package": "source-fake==1.1", "executable": "source-fake"}
    for connection, script, scope in (
        (source.connection(config={"region": "eu"}), SCRIPT, WHAT_IS_NEW),
        (source.connection(), SCRIPT, WHAT_IS_NEW),
        (source.connection(), changed, WHAT_IS_NEW),
        (source.connection(connector=newer), SCRIPT, WHAT_IS_NEW),
        (source.connection(connector=newer), SCRIPT, Scope(full_refresh=True)),
    ):
        starts.clear()
        syncs.run(connection, script, scope)
        assert starts == ASKED


def test_a_connection_can_ask_at_each_sync(syncs, source, starts):
    for _ in range(2):
        starts.clear()
        syncs.run(source.connection(discover_hours=0), SCRIPT)
        assert starts == ASKED
    assert not kept().exists()


@pytest.mark.parametrize("content", ["", '{"streams": []}', "\0"])
def test_a_broken_file_is_dropped_with_a_line_in_the_log(syncs, source, starts, caplog, content):
    syncs.run(source.connection(), SCRIPT)
    kept().write_text(content)
    starts.clear()
    with caplog.at_level(logging.WARNING):
        syncs.run(source.connection(), SCRIPT)
    assert starts == ASKED
    assert f"{kept()} is dropped, and the connector asked" in caplog.text
    Answers.model_validate_json(kept().read_text())


def test_a_secret_is_not_in_what_is_kept(syncs, source):
    script = Script(READ, spec=SPEC, check=CHECK, discover=DISCOVER)
    connection = source.connection(config={"token": "hunter2-and-more", "note": "nobody's matter"})
    for _ in range(2):
        syncs.run(connection, script)
        text = kept().read_text()
        assert "hunter2" not in text
        assert "nobody" not in text


def test_a_secret_is_masked_though_the_connector_was_not_asked(syncs, source, caplog):
    said = f'{READ}\nlog("ERROR", "token " + config["token"])'
    script = Script(said, spec=SPEC, check=CHECK, discover=DISCOVER)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            syncs.run(source.connection(config={"token": "hunter2-and-more"}), script)
    assert caplog.text.count("token ***") == 2
    assert "hunter2" not in caplog.text


def test_a_new_column_has_the_type_that_the_source_gives_it(syncs, source, starts):
    syncs.run(source.connection(), SCRIPT)
    starts.clear()
    source.has(**PLAIN, closed={"type": "string", "format": "date"})
    source.rows({"id": 1, "title": "one"}, {"id": 2, "title": "two", "closed": "2026-11-27"})
    syncs.run(source.connection(), SCRIPT)
    assert starts == ["read", "discover", "read"]
    assert syncs.query("select id, closed::varchar, typeof(closed) from crm_deals order by id") == [
        (1, None, "DATE"),
        (2, "2026-11-27", "DATE"),
    ]
    starts.clear()
    syncs.run(source.connection(), SCRIPT)
    assert starts == ["read"]


def test_a_column_that_no_schema_has_is_asked_for_and_taken_as_always(syncs, source, starts):
    syncs.run(source.connection(), SCRIPT)
    starts.clear()
    source.rows({"id": 1, "title": "one"}, {"id": 2, "title": "two", "score": 1.5})
    syncs.run(source.connection(), SCRIPT)
    assert starts == ["read", "discover"]
    assert syncs.query("select id, score from crm_deals order by id") == [(1, None), (2, 1.5)]


def test_a_type_that_the_source_announces_anew_is_asked_for_and_nothing_is_rounded(
    syncs, source, starts
):
    source.has(id="integer", hours="integer")
    source.rows({"id": 1, "hours": 1})
    syncs.run(source.connection(), SCRIPT)
    starts.clear()
    source.has(id="integer", hours="number")
    source.rows({"id": 1, "hours": 1}, {"id": 2, "hours": 1.5}, {"id": 3, "hours": 2.0})
    [stream] = streams_of(syncs.run(source.connection(), SCRIPT))
    assert starts == ["read", "discover", "read"]
    assert (stream.rows_read, stream.rows_loaded) == (2, 2)
    assert syncs.query("select * from crm_deals order by id") == [(1, 1.0), (2, 1.5), (3, 2.0)]


def test_a_value_of_another_type_than_announced_is_set_aside_and_not_rounded(syncs, source):
    source.has(id="integer", hours="integer")
    source.rows({"id": 1, "hours": 1}, {"id": 2, "hours": 1.5}, {"id": 3, "hours": 2.0})
    syncs.run(source.connection(), SCRIPT)
    [entry] = syncs.quarantine.entries(["airbyte"])
    assert "deals.hours: found 1.5, expected bigint" in entry.reason
    assert syncs.query("select * from crm_deals order by id") == [(1, 1), (3, 2)]


def test_rows_are_not_merged_by_a_key_that_the_source_no_longer_has(syncs, source, starts):
    connection = source.connection(streams={"deals": {}})
    syncs.run(connection, SCRIPT)
    starts.clear()
    syncs.run(connection, SCRIPT)
    assert starts == ["read"]
    starts.clear()
    source.has(key="title", **PLAIN)
    source.rows({"id": 1, "title": "one"}, {"id": 1, "title": "another"})
    syncs.run(connection, SCRIPT)
    assert starts == ["read", "discover", "read"]
    assert syncs.query("select * from crm_deals order by title") == [(1, "another"), (1, "one")]


def test_a_read_that_fails_is_told_as_if_it_had_been_asked_before(syncs, source, starts):
    syncs.run(source.connection(), SCRIPT)
    starts.clear()
    source.rows({"id": 1, "title": "one"}, "fail")
    (refused := source.folder / "refused").touch()
    with pytest.raises(SyncError) as error:
        syncs.run(source.connection(), SCRIPT)
    assert starts.pop(0) == "read"
    assert sorted(starts) == ["check", "discover"]
    assert str(error.value) == (
        "source-fake==1.0 check: the source refuses: the token has expired; see the log above"
    )
    assert not kept().exists()

    refused.unlink()
    with pytest.raises(SyncError, match="the API went away"):
        syncs.run(source.connection(), SCRIPT)
    assert not kept().exists()


def test_a_read_that_breaks_off_keeps_its_checkpoint_and_tells_of_both(syncs, source):
    syncs.run(source.connection(), SCRIPT)
    source.rows({"id": 1, "title": "one"}, {"id": 2, "title": "two"}, "fail")
    (source.folder / "refused").touch()
    with pytest.raises(SyncError, match=r"token has expired.*the API went away") as error:
        syncs.run(source.connection(), SCRIPT)
    assert [s.outcome for s in streams_of(error.value.done)] == ["checkpoint"]
    assert read_state("crm")["states"][0]["stream"]["stream_state"] == {"next": 2}
    assert syncs.query("select count(*) from crm_deals") == [(2,)]


def test_a_stream_that_is_gone_does_not_empty_its_table(syncs, source, starts):
    whole = {"deals": {"sync_mode": "full_refresh", "primary_key": ["id"]}}
    silent = 'if pathlib.Path(config["has"]).read_text() == "[]": sys.exit(0)'
    script = Script(f"{silent}\n{READ}", check=CHECK, discover=DISCOVER)
    syncs.run(source.connection(streams=whole), script)
    starts.clear()
    (source.folder / "has.json").write_text("[]")
    source.rows()
    with pytest.raises(SyncError, match="stream deals is not in the source"):
        syncs.run(source.connection(streams=whole), script)
    assert syncs.query("select count(*) from crm_deals") == [(1,)]


def test_a_table_is_not_emptied_by_a_source_that_refuses_in_silence(syncs, source, starts):
    whole = {"deals": {"sync_mode": "full_refresh", "primary_key": ["id"]}}
    syncs.run(source.connection(streams=whole), SCRIPT)
    source.rows()
    (refused := source.folder / "refused").touch()
    with pytest.raises(SyncError, match="the token has expired"):
        syncs.run(source.connection(streams=whole), SCRIPT)
    assert syncs.query("select count(*) from crm_deals") == [(1,)]

    refused.unlink()
    syncs.run(source.connection(streams=whole), SCRIPT)
    assert syncs.query("select count(*) from crm_deals") == [(0,)]
    starts.clear()
    syncs.run(source.connection(streams=whole), SCRIPT)
    assert starts == ["read", "check", "discover"]


def test_another_package_beside_the_connector_asks_again(syncs, source, starts):
    connection = source.connection()
    syncs.run(connection, SCRIPT)
    starts.clear()
    folder = environment_of(connection, syncs.connectors).folder
    (folder / "lib/python3.11/site-packages/requests-9.0.dist-info").mkdir(parents=True)
    syncs.run(connection, SCRIPT)
    assert starts == ASKED


def test_a_store_that_takes_nothing_fails_no_sync(syncs, source, starts, caplog):
    kept().parent.parent.mkdir(parents=True, exist_ok=True)
    kept().parent.write_text("a file where the folder would be")
    for _ in range(2):
        starts.clear()
        syncs.run(source.connection(), SCRIPT)
        assert starts == ASKED
    assert os.fspath(kept()) in caplog.text
