"""Records in Parquet: order, batches, checkpoints, late columns, bad ones."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.airbyte.records import RecordWriter, TooManyBadRecordsError
from support.examples import examples


def writer_for(folder: Path, **more) -> RecordWriter:
    columns = {"id": "bigint", "name": "varchar"}
    given = {"columns": columns, "fields": {c: c for c in columns}, "later_types": {}}
    return RecordWriter("deals", folder, **{**given, "primary_key": ("id",), **more})


def rows_of(found) -> list[dict]:
    path, rows = found
    table = pq.read_table(path)
    assert table.num_rows == rows
    return table.to_pylist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(40))
@given(events=st.lists(st.sampled_from(["record", "late", "bad", "mark", "flush"]), max_size=30))
def test_a_checkpoint_holds_exactly_what_came_before_it(events, tmp_path_factory):
    writer = writer_for(tmp_path_factory.mktemp("records"))
    good: list[int] = []
    covered = bad = 0
    for number, event in enumerate(events):
        if event == "mark":
            writer.mark()
            covered, bad = len(good), events[:number].count("bad")
        elif event == "flush":
            writer.flush()
        else:
            late = {"late": number} if event == "late" else {}
            writer.add({"id": "x" if event == "bad" else number, "name": "n", **late}, 10)
            good += [] if event == "bad" else [number]
    found = writer.finish(covered_only=True)
    assert [row["id"] for row in (rows_of(found) if found else [])] == good[:covered]
    assert len(writer.bad) == bad


def test_all_records_are_in_one_file_in_their_order(tmp_path):
    writer = writer_for(tmp_path)
    for i in range(10):
        writer.add({"id": i, "name": f"n{i}"}, 10)
        if i % 3 == 0:
            writer.flush()
    assert [row["id"] for row in rows_of(writer.finish())] == list(range(10))


def test_a_field_that_appears_late_is_a_column_with_nulls_before(tmp_path):
    writer = writer_for(tmp_path)
    writer.add({"id": 1, "vatId": None}, 10)
    writer.flush()
    writer.add({"id": 2, "vatId": "DE1", "tags": ["a"]}, 10)
    rows = rows_of(writer.finish())
    assert rows == [
        {"id": 1, "name": None, "vat_id": None, "tags": None},
        {"id": 2, "name": None, "vat_id": "DE1", "tags": '["a"]'},
    ]
    assert writer.columns["tags"] == "json"


def test_a_late_column_has_the_type_that_its_table_gives_it(tmp_path):
    writer = writer_for(tmp_path, later_types={"score": "double"})
    writer.add({"id": 1, "score": 3}, 10)
    assert rows_of(writer.finish()) == [{"id": 1, "name": None, "score": 3.0}]


def test_the_last_record_of_a_key_stays(tmp_path):
    writer = writer_for(tmp_path)
    for i, name in ((1, "old"), (2, "b"), (1, "new")):
        writer.add({"id": i, "name": name}, 10)
    assert rows_of(writer.finish()) == [{"id": 2, "name": "b"}, {"id": 1, "name": "new"}]


def test_without_a_key_equal_records_all_stay(tmp_path):
    writer = writer_for(tmp_path, primary_key=())
    writer.add({"id": 1}, 10)
    writer.add({"id": 1}, 10)
    assert len(rows_of(writer.finish())) == 2


def test_a_bad_record_is_set_aside_with_its_reason(tmp_path):
    writer = writer_for(tmp_path)
    for data in ({"id": 1}, {"id": "one"}, {"name": "no key"}, {"id": 2, "name": "\ud800"}):
        writer.add(data, 10)
    assert [row["id"] for row in rows_of(writer.finish())] == [1]
    assert [(bad.position, bad.reason) for bad in writer.bad] == [
        (1, 'deals.id: found "one", expected bigint'),
        (2, "deals.id: found null in the primary key"),
        (3, 'deals.name: found "\\ud800", expected varchar'),
    ]
    assert writer.bad[0].data == {"id": "one"}


def test_so_many_bad_records_that_the_declaration_must_be_wrong_are_an_error(tmp_path):
    writer = writer_for(tmp_path)
    for _ in range(1001):
        writer.add({"id": "x"}, 10)
    with pytest.raises(TooManyBadRecordsError, match="more than 1,000 records don't fit"):
        writer.flush()


def test_an_empty_full_refresh_has_a_file_without_rows(tmp_path):
    assert writer_for(tmp_path / "a").finish() is None
    assert rows_of(writer_for(tmp_path / "b").finish(even_if_empty=True)) == []
