"""A sync that reads everything from the start, to replace tables or to rebuild days."""

from datetime import date

import pytest

from ingestion.airbyte.sync import SyncError
from ingestion.loaders import Scope
from ingestion.loading import read_state
from stack.partitions import Days
from stack.warehouse import connect
from support.fake_connector import Script, declare

STREAMS = {"purchases": {"id": "integer", "purchased_at": "string", "user_id": "integer"}}
FULL = Scope(full_refresh=True)
THE_SECOND = Scope(days=Days(date(2025, 1, 2), date(2025, 1, 2)))

# A purchase a day, and a state after all of them.
READ = """
assert saved is None or config.get("incremental")
status("purchases", "STARTED")
for i in config["days"]:
    record("purchases", id=i, user_id=config["user"], purchased_at=f"2025-01-{i:02}T10:00:00Z")
if config.get("fail"):
    error("the API went away")
    sys.exit(1)
state("purchases", until=config["days"][-1])
status("purchases", "COMPLETE")
"""


@pytest.fixture
def sync(syncs, tmp_path):
    def run(scope=None, **config):
        connection = declare(
            tmp_path, name="shop", streams={"purchases": {"table": "purchases"}}, config=config
        )
        script = Script(READ, streams=STREAMS)
        return syncs.run(connection, script, *([scope] if scope else []))

    return run


def rows(syncs) -> list[tuple]:
    return syncs.query("select id, user_id from shop_purchases order by all")


def test_a_full_refresh_reads_without_state_and_replaces_the_table(sync, syncs):
    sync(days=[1, 2, 3], user=1)
    sync(FULL, days=[2, 4], user=5)
    assert rows(syncs) == [(2, 5), (4, 5)]
    [saved] = read_state("shop")["states"]
    assert saved["stream"]["stream_state"] == {"until": 4}


@pytest.mark.parametrize("scope", [FULL, THE_SECOND])
def test_one_that_breaks_off_leaves_table_and_state(sync, syncs, scope):
    sync(days=[1, 2, 3], user=1)
    before = read_state("shop")
    with pytest.raises(SyncError, match="shop_purchases discarded"):
        sync(scope, days=[2, 4], user=5, fail=True)
    assert rows(syncs) == [(1, 1), (2, 1), (3, 1)]
    assert read_state("shop") == before


def test_days_are_rebuilt_and_the_others_stay(sync, syncs):
    sync(days=[1, 2, 3], user=1)
    before = read_state("shop")
    with connect() as connection:
        connection.execute("insert into freelancer_raw.shop_purchases (id, purchased_at) "
                           "values (9, '2025-01-02 23:59:59+00')")  # fmt: skip
    for _ in range(2):
        sync(THE_SECOND, days=[1, 2, 3, 4], user=5)
        assert rows(syncs) == [(1, 1), (2, 5), (3, 1)]
        assert read_state("shop") == before, "what is new of other days is still to come"


def test_days_can_be_the_first_thing_that_is_loaded(sync, syncs):
    sync(THE_SECOND, days=[1, 2, 3], user=1)
    assert rows(syncs) == [(2, 1)]
    sync(days=[1, 2, 3], user=1)
    assert rows(syncs) == [(1, 1), (2, 1), (3, 1)]
