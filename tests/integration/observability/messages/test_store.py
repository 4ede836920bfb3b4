"""The kept state survives simultaneous writers, on SQLite and on Postgres."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from observability.messages.state import Day
from observability.messages.store import Store
from stack.one_machine.home import open_instance
from stack.settings import StackSettings, load_settings
from support.homes import set_home
from support.known_facts import NOW

WRITERS, TIMES = 4, 8


@pytest.fixture(params=["sqlite", "postgres"])
def variables(request):
    if request.param == "sqlite":
        return {}
    return {"DAGSTER_POSTGRES_URL": request.getfixturevalue("database_url")}


def test_no_change_of_writers_at_once_is_lost(tmp_path, monkeypatch, variables):
    set_home(monkeypatch, tmp_path / "stack", **variables)
    with open_instance(load_settings(StackSettings)) as instance:

        def write(writer):
            store = Store(instance)
            for number in range(TIMES):
                day = Day(day=NOW.date(), rows=writer * TIMES + number)
                store.update(lambda state, day=day: state.days.append(day), NOW)

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        kept = Store(instance).read()
    assert sorted(day.rows for day in kept.days) == list(range(WRITERS * TIMES))
