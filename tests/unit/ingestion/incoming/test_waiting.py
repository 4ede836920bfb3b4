"""When a file is complete, and how files become batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.files.listing import Export
from ingestion.incoming.inbox import table_of
from ingestion.incoming.waiting import Cursor, Sight, batches

NUMBERS = st.floats(0, 1e10)
CURSORS = st.builds(
    Cursor,
    source=st.just("/incoming"),
    seen=st.dictionaries(
        st.text(), st.builds(Sight, st.text(), NUMBERS, st.integers(0, 100), NUMBERS), max_size=5
    ),
)
PATHS = st.lists(
    st.from_regex(r"[a-d]/[0-9]{1,3}\.(csv|txt)", fullmatch=True), unique=True, max_size=60
)


def found(**versions: str) -> list[Export]:
    return [Export(version, path, version, 1) for path, version in versions.items()]


@given(CURSORS)
def test_a_cursor_is_read_as_it_was_written(cursor):
    assert Cursor.load(cursor.dump(), Cursor(source="/incoming")) == cursor


def test_a_file_is_complete_when_two_looks_far_enough_apart_saw_the_same():
    first = Cursor(source="/").look(found(a="1"), 0.0)
    assert first.complete(Cursor(source="/"), 0.0, 0.0) == []
    soon = first.look(found(a="1"), 29.0)
    assert soon.complete(first, 29.0, 30.0) == []
    later = soon.look(found(a="1"), 30.0)
    assert later.complete(soon, 30.0, 30.0) == ["a"]


def test_a_file_that_grows_begins_to_wait_anew():
    first = Cursor(source="/").look(found(a="1"), 0.0)
    grown = first.look(found(a="2"), 100.0)
    assert grown.complete(first, 100.0, 30.0) == []
    assert grown.look(found(a="2"), 120.0).complete(grown, 120.0, 30.0) == []
    assert grown.look(found(a="2"), 130.0).complete(grown, 130.0, 30.0) == ["a"]


def test_a_file_that_its_run_did_not_load_is_due_again_later_each_time():
    cursor, now, waits = Cursor(source="/").look(found(a="1"), 0.0), 0.0, []
    for _ in range(9):
        cursor = cursor.hand_out(["a"], now)
        wait = cursor.seen["a"].not_before - now
        assert cursor.complete(cursor, now + wait - 1, 0.0) == []
        assert cursor.complete(cursor, now + wait, 0.0) == ["a"]
        waits.append(wait)
        now += wait
    assert waits[:3] == [60, 120, 240]
    assert waits[-1] == 3600


def test_a_hundred_files_are_five_runs_of_twenty():
    groups = batches([f"t{n}.csv" for n in range(100)], set(), size=20, most=5)
    assert [len(group) for group in groups] == [20] * 5


def test_a_hundred_files_of_one_table_are_loaded_by_one_run_after_another():
    groups = batches([f"t/{n}.csv" for n in range(100)], set(), size=20, most=5)
    assert groups == [tuple(f"t/{n}.csv" for n in range(20))]


@given(PATHS, st.sets(st.sampled_from(["a", "b", "", "z"])), st.integers(1, 20), st.integers(1, 5))
def test_batches_keep_to_the_limits_and_to_one_run_a_table(paths, held, size, most):
    groups = batches(paths, held, size=size, most=most)
    given_out = [path for group in groups for path in group]
    assert len(groups) <= most
    assert all(1 <= len(group) <= size for group in groups)
    assert len(set(given_out)) == len(given_out)
    assert not held & {table_of(path) for path in given_out}
    tables = [{table_of(path) for path in group} for group in groups]
    assert sum(len(t) for t in tables) == len(set().union(*tables))
    free = [path for path in paths if table_of(path) not in held]
    assert bool(groups) == bool(free)
    if groups:
        assert groups[0][0] == free[0], "the oldest goes first"


@pytest.mark.parametrize("count", [1, 7])
def test_files_of_a_table_keep_their_order(count):
    paths = [f"t/{n}.csv" for n in range(count)]
    assert batches(paths, set(), size=count, most=1) == [tuple(paths)]
