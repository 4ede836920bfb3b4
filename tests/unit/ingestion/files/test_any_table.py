"""Any table written by another program is read back as it was, or refused."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import simplejson
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingestion.files.errors import UnreadableFileError
from support.parsing import accounted, connected, read

_FEW = settings.default.max_examples if settings.default else 20
# In CI they are the same ones each time: what is new, a search finds.
_TIMES = 4 if settings.default and settings.default.derandomize else 20
MANY = settings(max_examples=_FEW if _FEW < 100 else _FEW * _TIMES)

WORDS = {
    "utf-8": ["Müller", "Łódź", "東京", "a b", "x;y", "p,q", 'say "hi"', "two\nlines", "€ 5", "007",
              "1.5", "C:\\dir\\", "-", "#1", "NULL", "n/a", "=1+1", " padded ", "a|b", "a\tb"],
    "cp1252": ["Müller", "Größe", "Straße", "schön", "Käse", "10 €", "x;y", "p,q", "007", "plain"],
    "cp1250": ["Dvořák", "Příliš", "žluťoučký", "kůň", "x;y", "p,q", "007", "plain"],
}  # fmt: skip
ENCODINGS = {
    "utf-8": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-8", "utf-16-be with a mark": "utf-8",
    "cp1252": "cp1252", "latin-1": "cp1252", "cp1250": "cp1250",
}  # fmt: skip


class File(NamedTuple):
    """A file's bytes, and what is in it."""

    content: bytes
    names: list[str]
    rows: list[list[str]]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return connected()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as found:
        yield Path(found)


def _column(words: list[str]) -> st.SearchStrategy[st.SearchStrategy[str]]:
    amounts = st.decimals(-(10**9), 10**9, places=2, allow_nan=False).map(str)
    return st.sampled_from([
        st.sampled_from(["", *words]),
        st.text(st.sampled_from("ab ;,|\t\"'\\\n#0."), max_size=8),
        st.one_of(st.just(""), amounts),
        amounts.map(lambda text: text.replace(".", ",")),
        st.dates(date(1970, 1, 1), date(2068, 1, 1)).map(date.isoformat),
        st.dates(date(1970, 1, 1), date(2068, 1, 1)).map(lambda d: d.strftime("%d.%m.%Y")),
        st.datetimes(datetime(1970, 1, 1), datetime(2068, 1, 1)).map(  # noqa: DTZ001
            lambda t: t.isoformat(sep=" ", timespec="seconds")),
        st.integers(-(2**70), 2**70).map(str),
        st.integers(0, 99_999).map("{:05d}".format),
        st.sampled_from(["true", "false", ""]),
    ])  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> File:
    encoding = draw(st.sampled_from(sorted(ENCODINGS)))
    words = WORDS[ENCODINGS[encoding]]
    if encoding == "latin-1":
        words = [word for word in words if "€" not in word]
    columns = draw(
        st.lists(_column(words), max_size=4).flatmap(lambda c: st.tuples(*map(st.just, c)))
    )
    # One word alone, such as kůň, may be of cp1252 as well: the header decides.
    first = "žluťoučký" if encoding == "cp1250" else "number"
    names = [first, *(f"column {letter}" for letter in "abcd"[: len(columns)])]
    count = draw(st.integers(0, 12))
    rows = [[str(n + 1), *(draw(column) for column in columns)] for n in range(count)]
    out = io.StringIO()
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    writer = csv.writer(
        out,
        delimiter=draw(st.sampled_from(";,\t|")),
        # Python before 3.13 leaves a line feed unquoted where lines end otherwise.
        quoting=csv.QUOTE_ALL if end == "\r" else quoting,
        lineterminator=end,
    )
    writer.writerow(names)
    for row in rows:
        writer.writerow(row)
        if draw(st.integers(0, 9)) == 0:
            out.write(draw(st.sampled_from(["\n", "\r\n", "\r"])))  # a blank line
    text = out.getvalue()
    if encoding == "utf-16-be with a mark":
        return File(b"\xfe\xff" + text.encode("utf-16-be"), names, rows)
    return File(text.encode(encoding), names, rows)


def same(value: Any, text: str, type_: str) -> bool:
    """Whether a typed value is what stood in the file, told by its digits alone."""
    if value is None or text == "":
        return value is None and text == ""
    if type_ == "VARCHAR":
        return bool(value == text)
    if type_ == "BOOLEAN":
        return bool(str(value).lower() == text.lower())
    digits = re.sub(r"\D", "", text)
    if type_.startswith("DECIMAL"):
        whole, _, rest = re.sub(r"[^\d.,]", "", text).replace(",", ".").rpartition(".")
        plain = Decimal(f"{whole or 0}.{rest}") if whole else Decimal(rest)
        return abs(value) == plain and (value < 0) == (text.startswith("-") and plain != 0)
    if type_ == "BIGINT":
        return bool(str(value) == text)
    found = value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return found == text or value.strftime("%d%m%Y") == digits


@MANY
@given(file=files())
def test_a_table_is_read_back_as_it_was_written(connection, folder, file):
    content, names, rows = file
    table = read(connection, folder, content)
    assert list(table.parsed.headers) == names
    assert accounted(table.parsed)
    assert not table.parsed.aside
    for found, row in zip(table.rows, rows, strict=True):
        for value, text, type_ in zip(found, row, table.types, strict=True):
            assert same(value, text, type_), (value, text, type_)


def _mutated(draw: st.DrawFn, content: bytes) -> bytes:
    at = draw(st.integers(0, len(content)))
    kind = draw(st.sampled_from(["cut", "flip", "wide", "footer", "header", "blank", "preamble"]))
    end = content.find(b"\n") + 1
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        bit = 1 << draw(st.integers(0, 7))
        return content[:at] + bytes(byte ^ bit for byte in content[at : at + 1]) + content[at + 1 :]
    added = {
        "wide": b"1;2,3|4\t5;6,7|8\t9\n", "footer": b"Summe;;\n", "header": content[:end],
        "blank": b"\r\n\n", "preamble": b"",
    }[kind]  # fmt: skip
    if kind == "preamble":
        return b"Export of 2026\n\n" + content
    return content + added if draw(st.booleans()) else content[:end] + added + content[end:]


@MANY
@given(data=st.data(), file=files())
def test_of_a_broken_table_each_record_is_accounted_for(connection, folder, data, file):
    content = _mutated(data.draw, file.content)
    try:
        table = read(connection, folder, content)
    except UnreadableFileError as error:
        assert len(str(error)) > 10
    else:
        assert accounted(table.parsed)
        assert len(table.rows) == table.parsed.rows


@MANY
@given(data=st.data(), file=files())
def test_of_a_table_cut_off_each_row_but_the_last_is_right(connection, folder, data, file):
    content, names, rows = file
    cut = content[: data.draw(st.integers(0, len(content)))]
    try:
        table = read(connection, folder, cut)
    except UnreadableFileError:
        return
    if list(table.parsed.headers) != names:
        assert not table.rows  # the header itself is cut
        return
    for found, row in zip(table.rows[:-1], rows, strict=False):
        for value, text, type_ in zip(found, row, table.types, strict=True):
            assert same(value, text, type_), (value, text, type_)


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.decimals(-(10**15), 10**15, places=4, allow_nan=False),
    st.text(max_size=8).filter(lambda text: text.isprintable()),
)
_KEYS = st.sampled_from(["id", "Id", "iD", "a b", "straße", "_x", "a.b", ""])
_ROWS = st.lists(
    st.dictionaries(_KEYS, st.one_of(_SCALARS, st.lists(_SCALARS, max_size=2)), min_size=1),
    min_size=1,
    max_size=8,
).filter(lambda rows: any(key or value not in (None, "") for r in rows for key, value in r.items()))


def _plain(value: Any, type_: str) -> Any:
    """A value of the table as JSON has it."""
    if value is None:
        return None
    return json.loads(value, parse_float=Decimal) if type_ == "JSON" else value


def _same_json(value: Any, wanted: Any, type_: str) -> bool:
    if value is None or wanted in (None, ""):
        return value is None and wanted in (None, "")
    if type_ == "VARCHAR" and not isinstance(wanted, str):
        text = simplejson.dumps(wanted, use_decimal=True, ensure_ascii=False)
        return bool(value == text) or (
            not isinstance(wanted, bool | list) and Decimal(value) == wanted
        )
    if isinstance(value, date | datetime):
        return str(value) in wanted or value.isoformat() == wanted
    return bool(_plain(value, type_) == wanted)


@MANY
@given(rows=_ROWS, by_line=st.booleans())
def test_records_of_json_are_read_back_as_they_were_written(connection, folder, rows, by_line):
    assume(not by_line or [list(row.values()) for row in rows] != [[[]]])  # a page without records
    dumped = [simplejson.dumps(row, use_decimal=True) for row in rows]
    text = "\n".join(dumped) if by_line else f"[{', '.join(dumped)}]"
    table = read(connection, folder, text.encode())
    assert accounted(table.parsed)
    assert len(table.rows) == len(rows)
    for found, row in zip(table.rows, rows, strict=True):
        headers = [column.header for column in table.parsed.columns]
        for header, value, type_ in zip(headers, found, table.types, strict=True):
            assert _same_json(value, row.get(header), type_), (header, value, row, type_)


@MANY
@given(rows=_ROWS, data=st.data())
def test_lines_of_json_cut_off_are_set_aside_and_counted(connection, folder, rows, data):
    text = "\n".join(simplejson.dumps(row, use_decimal=True) for row in rows)
    cut = text[: data.draw(st.integers(1, len(text)))]
    try:
        table = read(connection, folder, cut.encode())
    except UnreadableFileError as error:
        assert len(str(error)) > 10
    else:
        assert accounted(table.parsed)
        assert len(table.rows) + len(table.parsed.aside) == len(cut.split("\n")) - cut.endswith(
            "\n"
        )
