"""Archives, JSON and bytes that go wrong affect only themselves, and say why."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.json_records import read_json
from support.archives import packed
from support.parsing import accounted, connected, read
from support.workbooks import number, row, text, xlsx

ROWS = b"id,name\n1,a\n"
BOOK = xlsx(
    {"S": [row(1, text("A1", "id"), text("B1", "name")), row(2, number("A2", 1), text("B2", "a"))]}
)


def gz(content: bytes) -> bytes:
    """Without a time: the tests' names are made of it."""
    return gzip.compress(content, mtime=0)


def tarred(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
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
        (gz(tarred(a=ROWS)), "a tar archive; unpack it"),
        (b"\1" * 8 + b"DUCK\x40\0\0\0", "a DuckDB database"),
        (b"\0\1\0\0Standard ACE DB\0", "an Access database"),
        (b"\x09\4\6\0\0\4\x10\0br\4\0", "a workbook of Excel 4; open it"),
        (b"\0\0\x1a\0\0\x10\4\0", "a sheet of Lotus 1-2-3"),
        (b"\x30\x7e\2\x0d\2\0\0\0\x28\2\x3b" + bytes(40), "a dBase table; export it"),
        (b'ID;PWXL;N;E\r\nP;PGeneral\r\nC;Y1;X1;K"kunde"\r\n', "a sheet in Microsoft's SYLK"),
        (b'TABLE\r\n0,1\r\n"EXCEL"\r\nVECTORS\r\n0,3\r\n', "a sheet in the DIF format"),
        (b"!TRNS\tTRNSID\tDATE\n!SPL\tSPLID\tDATE\n", "in QuickBooks' IIF format"),
        (b"\xef\xbb\xbf!Type:Bank\nD1/5/2026\nT-5.00\n^\n", "in the QIF format"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "a calendar"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "an address book"),
        (b"| day | n |\n|-----|--:|\n| 2026-01-05 | 1 |\n", "drawn with lines"),
        (b"+-----+---+\n| day | n |\n+-----+---+\n", "drawn with lines"),
        (b"-- by us\nINSERT INTO t (id, n) VALUES (1, 'A');\n", "a script of SQL"),
        (b"---\nid: 1\nn: A\n", "a YAML file"),
        (b"[part]\nid=1\nn=A\n", "a file of settings"),
        (b"From: a@x.test\nTo: b@x.test\nSubject: x, y\n\nHello, you\n", "an e-mail"),
        (b"{\\rtf1\\ansi\\trowd 1,2\\cell", r"a text document \(RTF\)"),
        (b"<html><body><table><tr><td>id</td></tr>", "a table, which some programs save as"),
        (b"<table border=1><tr><td>id</td></tr></table>", "a table, which some programs save as"),
        (b"<!DOCTYPE html><title>Log in</title>", "such as a login page"),
        (
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "Excel's XML of 2003; open it",
        ),
        (b"<rows><row/></rows>", "XML that is no bank statement"),
        (b"[]", "no records"),
        (b'{"data": [], "has_more": false}', "no records"),
        (b'window.data = [{"a": 1}, {"a": 2}];', "JSON within a script"),
        (b'callback({"a": 1});', "JSON within a script"),
        (b'// made by us\n[{"a": 1}]\n', "JSON within a script"),
        (b'/* made by us */ {"a": 1}\n', "JSON within a script"),
        (b'[{"": null}]', "name or a value"),
        (b'[{"a": "x"}, {"a": "\\ud800"}]', "record 2: it has half of a surrogate pair"),
        (b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "nested too deep"),
        (b'[{"' + b"k" * 20_000 + b'": 1}]', "20,000 characters"),
        (b"{'a': 1, 'b': 2}\n{'a': 3, 'b': 4}\n", "double quotes in column 2; correct it"),
        (b'[{"a": NaN}]', "NaN is no number of JSON; correct it"),
        (b'[{"a": 1}, {"a" 2}]', "line 1: .* in column 17; correct it"),
        (b'[{"a": 1},\n{"a": ', "line 2: .*; the file may be cut off"),
        (b'[{"a": 1},\n{"a": "x', "line 2: .*; the file may be cut off"),
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
     b'{"id": 1, "name": "a"}', b'[{"id": 1, "name": "a"}]',
     packed(**{"a": ROWS, ".DS_Store": b"\0\0", "x/Thumbs.db": b"\0", "__MACOSX/._a": b"\0"}),
     b'[\n// the first\n{"id": 1, /* a\nname */ "name": "a",},\n]'],
)  # fmt: skip
def test_a_table_is_read_from_whatever_it_is_packed_in(tmp_path, content):
    table = read(connected(), tmp_path, content)
    assert [tuple(map(str, found)) for found in table.rows] == [("1", "a")]
    assert accounted(table.parsed)


def test_what_looks_like_a_comment_in_a_value_of_json_is_of_the_value(tmp_path):
    content = b'[{"url": "https://x.test", "a": "/* b */ ,]", "c": "\\"// d"},]'
    table = read(connected(), tmp_path, content)
    assert table.rows == [("https://x.test", "/* b */ ,]", '"// d')]


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
        ('{"data": [{"id": 1}], "links": {"next": "https://x.test/2", "prev": null}}', 1, 1),
        ('{"results": [{"id": 1}], "paging": {"next": {"after": "2"}}}', 1, 1),
        ('{"issues": [{"id": 1}], "startAt": 0, "maxResults": 1, "total": 120}', 1, 1),
        ('{"issues": [{"id": 1}], "startAt": 0, "maxResults": 50, "total": 1}', 1, 0),
        ('{"content": [{"id": 1}], "page": {"totalPages": 3, "number": 0}}', 1, 1),
        ('{"orders": [{"id": 1}], "total_count": 250, "page": 1}', 1, 1),
        ('{"orders": [{"id": 1}], "total": 250}', 1, 0),
        ('{"type": "FeatureCollection", "features": [{"id": 1}, {"id": 2}]}', 2, 0),
        ('{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}', 1, 0),
        ('{"number": "R-1", "total": 119.0, "items": [{"sku": "a"}, {"sku": "b"}]}', 1, 0),
        ('{"number": "R-1", "status": "paid", "items": [{"sku": "a"}, {"sku": "b"}]}', 1, 0),
        ('{"type": "invoice", "time": "9:00", "lines": [{"sku": "a"}, {"sku": "b"}]}', 1, 0),
        ('{"url": "https://x.test/1", "links": {}, "lines": [{"a": 1}, {"a": 2}]}', 1, 0),
        ('{"version": 2, "order": {"lines": [{"sku": "a"}, {"sku": "b"}]}}', 1, 0),
        ('{"orders": [{"id": 1}, {"id": 2}], "total": 2, "status": "ok"}', 2, 0),
        ('{"orders": [{"id": 1}, {"id": 2}], "total": 9, "_links": {"next": "/2"}}', 2, 1),
        ('{"data": [{"id": 1}, {"id": 2}], "version": "3", "total": 9}', 2, 0),
        ('{"content": [{"id": 1}, {"id": 2}], "number": 0, "size": 20, "pageable": {}}', 2, 0),
        ('{"a": [{"id": 1}], "b": [{"id": 1}]}', 1, 0),
        ('{"data": [{"id": 1}, {"id": 2}]}\n{"data": [{"id": 3}]}\n', 2, 0),
        ('{"data": {"orders": {"edges": [{"node": {}}], "pageInfo": {"hasNextPage": 1}}}}', 1, 1),
        ('{"a": [{"id": 1}], "has_more": true}\n{"a": [{"id": 2}], "has_more": false}\n', 2, 0),
        ('{"a": [{"id": 1}], "has_more": true}\n{"a": [{"id": 2}], "has_more": true}\n', 2, 1),
        ('{"a": [{"id": 1}],\n"next": "/2"}{"a": [{"id": 2}, {"id": 3}],\n"next": null}', 3, 0),
        ('{"a": [{"id": 1}], "total_pages": 3}\n{"a": [{"id": 2}], "total_pages": 3}\n', 2, 1),
        ('{"a": [{"id": 1}], "total_pages": 2}\n{"a": [{"id": 2}], "total_pages": 2}\n', 2, 0),
        ('{"a": [{"x": 1}, {"x": 2}], "next": 1}\n{"b": [{"x": 1}], "next": null}\n', 2, 0),
        ('{"page": 1, "words": [{"x": 1}, {"x": 2}]}\n{"page": 2, "words": []}\n', 2, 0),
        ('[{"id": 1}, {"id": 2}]\n[{"id": 3}]', 3, 0),
        ('{"home": {"zip": "01067"}, "work": {"zip": "80331"}}', 1, 0),
        ('{"records": [{"id": 1}], "offset": "itr1/rec1"}', 1, 1),
        ('{"records": [{"id": 1}, {"id": 2}], "offset": 0, "limit": 50}', 2, 0),
        ('{"issues": [{"id": 1}, {"id": 2}], "nextPageToken": "x", "isLast": false}', 2, 2),
        ('{"totalSize": 2, "done": true, "records": [{"id": 1}, {"id": 2}]}', 2, 0),
        ('{"totalSize": 9, "done": false, "records": [{"id": 1}, {"id": 2}]}', 2, 2),
        (
            '{"ok": true, "m": [{"a": 1}, {"a": 2}], "response_metadata": {"next_cursor": "x"}}',
            2,
            1,
        ),
        ('{"kind": "invoice", "lines": [{"a": 1}, {"a": 2}]}', 1, 0),
        ('{"columns": ["a"], "rows": [{"a": 1}]}', 1, 0),
    ],
)
def test_the_page_of_an_api_is_its_records_and_an_object_with_a_list_is_one(
    tmp_path, content, rows, breaks
):
    table = read(connected(), tmp_path, content.encode())
    assert len(table.rows) == rows
    assert len(table.parsed.breaks) == breaks
    assert accounted(table.parsed)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"1001": {"total": 1}, "1002": {"total": 2}}', "a record under each of its names"),
        ('{"id": {"0": 1, "1": 2}, "x-1": {"0": "a", "1": "b"}}', None),
        (
            '{"columns": ["id", "v"], "data": [[1, "a"], [2, "b"]]}',
            "its records are lists, in data",
        ),
        (
            '{"data": {"rows": [[1], [2]], "cols": [{"name": "a"}]}}',
            "its records are lists, in row",
        ),
        ('{"fields": ["id", "v"], "points": [[1], [2]]}', None),
    ],
)
def test_json_whose_records_are_no_objects_in_a_list_is_refused(tmp_path, content, told):
    if told is None:
        assert len(read(connected(), tmp_path, content.encode()).rows) == 1
        return
    with pytest.raises(UnreadableFileError, match=told):
        read(connected(), tmp_path, content.encode())


def test_many_columns_are_read(tmp_path):
    names = ",".join(f"column {n}" for n in range(500))
    table = read(connected(), tmp_path, f"{names}\n{','.join(map(str, range(500)))}\n".encode())
    assert table.rows == [tuple(range(500))]


def test_a_value_late_in_the_file_decides_on_the_type(tmp_path):
    lines = "".join(f"{n},{n}\n" for n in range(30_000))
    table = read(connected(), tmp_path, f"id,code\n{lines}30000,007\n".encode())
    assert table.types == ["BIGINT", "VARCHAR"]
    assert table.rows[-1] == (30_000, "007")


def test_a_word_where_a_database_has_its_mark_is_a_word(tmp_path):
    table = read(connected(), tmp_path, b"product;DUCK\na;1\n")
    assert table.rows == [("a", 1)]


def test_a_document_of_json_takes_no_longer_than_its_length(tmp_path):
    records = [{"id": 0, "text": "\\" * 500_000}, *({"id": n} for n in range(1, 4_000))]
    (tmp_path / "file").write_text(json.dumps(records))
    started = time.process_time()
    assert read_json(tmp_path / "file", tmp_path / "out.parquet").rows == 4_000
    assert time.process_time() - started < 4
