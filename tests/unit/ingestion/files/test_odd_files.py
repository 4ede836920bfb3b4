"""Archives, JSON and bytes that go wrong cost only themselves, and say why."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from ingestion.files.errors import UnreadableFileError
from support.parsing import accounted, connected, read
from support.workbooks import number, row, text, xlsx

ROWS = b"id,name\n1,a\n"
BOOK = xlsx(
    {"S": [row(1, text("A1", "id"), text("B1", "name")), row(2, number("A2", 1), text("B2", "a"))]}
)


def gz(content: bytes) -> bytes:
    """Without a time: the tests' names are made of it."""
    return gzip.compress(content, mtime=0)


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (packed(), "no file in it"),
        (packed(a=packed(b=ROWS)), "a in it: it is an archive within an archive"),
        (packed(a=gz(ROWS)), "a in it: it is an archive within an archive"),
        (gz(gz(ROWS)), "archive within an archive"),
        (gz(packed(a=ROWS)), "archive within an archive"),
        (packed(a=ROWS, b=b"id,other\n1,a\n"), "2 parts have different columns"),
        (packed(a=ROWS)[:-10], "broken or cut off"),
        (gz(ROWS)[:-9], "truncated or broken"),
        (gz(b""), "empty"),
        (b"[]", "no records"),
        (b'[{"": null}]', "name or a value"),
        (b'[{"a": "x"}, {"a": "\\ud800"}]', "record 2: it has half of a surrogate pair"),
        (b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "nested too deep"),
        (b'[{"' + b"k" * 20_000 + b'": 1}]', "20,000 characters"),
        (b'[{"a": NaN}]', "NaN is no number"),
        (b'[{"a": 1, "a": 2}]', "'a' twice"),
        (b"[1, 2]", "record 1 is a number"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(tmp_path, content, told):
    with pytest.raises(UnreadableFileError, match=told):
        read(connected(), tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [ROWS, gz(ROWS), packed(a=ROWS), packed(a=BOOK), gz(BOOK),
     b'{"id": 1, "name": "a"}', b'[{"id": 1, "name": "a"}]'],
)  # fmt: skip
def test_a_table_is_read_from_whatever_it_is_packed_in(tmp_path, content):
    table = read(connected(), tmp_path, content)
    assert [tuple(map(str, found)) for found in table.rows] == [("1", "a")]
    assert accounted(table.parsed)


def test_a_line_of_json_that_is_no_text_is_set_aside(tmp_path):
    table = read(connected(), tmp_path, b'{"a": "\\ud800"}\n{"a": "x"}\n{"a": "y"}\n')
    assert [aside.line for aside in table.parsed.aside] == [1]
    assert accounted(table.parsed)


@pytest.mark.parametrize(
    ("content", "rows", "breaks"),
    [
        ('{"data": [{"id": 1}, {"id": 2}], "has_more": false, "object": "list"}', 2, 0),
        ('{"result": {"items": [{"id": 1}]}, "ok": true}', 1, 0),
        ('{"value": [{"id": 1}], "@odata.nextLink": "https://x.test/2"}', 1, 1),
        ('{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}', 1, 0),
        ('{"a": [{"id": 1}], "b": [{"id": 1}]}', 1, 0),
        ('{"data": [{"id": 1}, {"id": 2}]}\n{"data": [{"id": 3}]}\n', 2, 0),
    ],
)
def test_the_page_of_an_api_is_its_records_and_an_object_with_a_list_is_one(
    tmp_path, content, rows, breaks
):
    table = read(connected(), tmp_path, content.encode())
    assert len(table.rows) == rows
    assert len(table.parsed.breaks) == breaks
    assert accounted(table.parsed)


def test_many_columns_are_read(tmp_path):
    names = ",".join(f"column {n}" for n in range(500))
    table = read(connected(), tmp_path, f"{names}\n{','.join(map(str, range(500)))}\n".encode())
    assert table.rows == [tuple(range(500))]


def test_a_value_late_in_the_file_decides_on_the_type(tmp_path):
    lines = "".join(f"{n},{n}\n" for n in range(30_000))
    table = read(connected(), tmp_path, f"id,code\n{lines}30000,007\n".encode())
    assert table.types == ["BIGINT", "VARCHAR"]
    assert table.rows[-1] == (30_000, "007")
