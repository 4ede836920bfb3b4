"""The second count of a file's records agrees with what the file holds, however it is written."""

import csv
import gzip
import io
import json

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.files.counting import count_csv, count_records

CELLS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
).filter(lambda cell: cell.strip() == cell)
ROWS = st.lists(st.tuples(st.integers(0, 9), CELLS), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def count(folder):
    connection = duckdb.connect()

    def counted(content: bytes, format_: str) -> int | None:
        file = folder / "file"
        file.write_bytes(content)
        return count_records(connection, file, format_)

    return counted


@given(rows=ROWS, delimiter=st.sampled_from(",;\t"), end=st.sampled_from(["\n", "\r\n"]))
def test_rows_of_a_csv(folder, rows, delimiter, end):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "note"), *rows])
    for content in (text.getvalue().encode(), gzip.compress(text.getvalue().encode())):
        file = folder / "rows"
        file.write_bytes(content)
        assert count_csv(file, delimiter, '"', '"') == len(rows)


def test_a_csv_is_counted_by_the_delimiter_and_quote_that_it_has(count):
    assert count(b'id;note\n1;"a\nb"\n2;\'c\n', "csv") == 2


@pytest.mark.parametrize(
    ("text", "records"),
    [("[]", 0), ('[{"a": 1}, {"a": 2}]', 2), ('{"a": [1, 2]}', 1), ('{"a": 1}\n{"a": 2}\n', 2),
     ('{\n "a": 1\n}\n{\n "a": 2\n}', 2), ("[1", None)],
)  # fmt: skip
def test_records_of_a_json_document(count, text, records):
    assert count(text.encode(), "json") == records


def test_lines_of_json_and_a_large_document(count, monkeypatch):
    assert count(b'\xef\xbb\xbf{"a": 1}\n\n{"a": 2}', "jsonl") == 2
    monkeypatch.setattr("ingestion.files.counting.LARGEST_JSON_BYTES", 10)
    assert count(json.dumps([1] * 10).encode(), "json") is None
