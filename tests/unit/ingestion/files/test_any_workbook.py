"""Any table that another program writes into a workbook is read back as it was, or refused."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

from ingestion.files.errors import UnreadableFileError
from support.parsing import accounted, connected, read

_FEW = settings.default.max_examples if settings.default else 20
MANY = settings(max_examples=_FEW if _FEW < 100 else _FEW * 2)
_FROM, _TO = date(1970, 1, 1), date(2068, 1, 1)
WORDS = [
    "Müller", "Łódź", "東京", "a b", "x;y", 'say "hi"', "two\nlines", "€ 5", "007", "1.5", "1E5",
    "C:\\dir\\", "-", "#1", "NULL", "n/a", "=1+1", " padded ", "<b>&amp;", "TRUE", "1,50",
]  # fmt: skip


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return connected()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as found:
        yield Path(found)


_TEXTS = st.one_of(st.sampled_from(WORDS), st.text(st.sampled_from("abc ;,'\"0."), min_size=1))
_KINDS: list[st.SearchStrategy[Any]] = [
    _TEXTS.filter(lambda text: text.strip()),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-(10**9), 10**9, places=2, allow_nan=False),
    st.booleans(),
    st.dates(_FROM, _TO),
    st.datetimes(datetime(1970, 1, 1), datetime(2068, 1, 1)).map(  # noqa: DTZ001
        lambda moment: moment.replace(microsecond=0)
    ),
    st.dates(_FROM, _TO).map(date.isoformat),
]


@st.composite
def tables(draw: st.DrawFn) -> list[list[Any]]:
    """A header and its rows; each column of one kind, or of several, with cells left empty."""
    kinds = draw(st.lists(st.lists(st.sampled_from(_KINDS), min_size=1, max_size=2), max_size=4))
    header = ["number", *(f"column {letter}" for letter in "abcd"[: len(kinds)])]
    count = draw(st.integers(1, 10))
    columns = [
        draw(st.lists(st.one_of(st.none(), *kind), min_size=count, max_size=count))
        for kind in kinds
    ]
    return [header, *(list(cells) for cells in zip(range(1, count + 1), *columns, strict=True))]


def xlsx(rows: list[list[Any]]) -> bytes:
    """As openpyxl writes it."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for at, row in enumerate(rows, 1):
        for place, value in enumerate(row, 1):
            cell = sheet.cell(at, place, value)
            if isinstance(value, str):
                cell.data_type = "s"  # =1+1 is no formula
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods(rows: list[list[Any]]) -> bytes:
    """As odfpy writes it."""
    document = OpenDocumentSpreadsheet()
    table = Table(name="Data")
    for row in rows:
        line = TableRow()
        for value in row:
            line.addElement(_cell(value))
        table.addElement(line)
    document.spreadsheet.addElement(table)
    out = io.BytesIO()
    document.write(out)
    return out.getvalue()


def _cell(value: Any) -> TableCell:
    if value is None:
        return TableCell()
    if isinstance(value, bool):
        return TableCell(valuetype="boolean", booleanvalue=str(value).lower())
    if isinstance(value, date):
        return TableCell(valuetype="date", datevalue=value.isoformat())
    if isinstance(value, int | Decimal):
        return TableCell(valuetype="float", value=str(value))
    cell = TableCell(valuetype="string", stringvalue=value)
    cell.addElement(P(text=value))
    return cell


def same(value: Any, wanted: Any) -> bool:
    """Whether a value of the table is what was written, whatever type its column got."""
    if value is None or wanted is None:
        return value is wanted
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(wanted, int | Decimal):
        return Decimal(str(value)) == wanted
    return _plain(value) == _plain(wanted)


def _plain(value: Any) -> str:
    """A day is a moment at midnight in a column that has moments, and text among texts."""
    return str(value).replace("T", " ").removesuffix(" 00:00:00")


WRITERS = pytest.mark.parametrize("write", [xlsx, ods])


@WRITERS
@MANY
@given(rows=tables())
def test_a_sheet_is_read_back_as_it_was_written(connection, folder, write, rows):
    table = read(connection, folder, write(rows))
    assert accounted(table.parsed)
    assert not table.parsed.aside
    assert list(table.parsed.headers) == rows[0]
    for found, row in zip(table.rows, rows[1:], strict=True):
        for value, wanted, type_ in zip(found, row, table.types, strict=True):
            assert same(value, wanted), (value, wanted, type_)


@WRITERS
@MANY
@given(rows=tables(), data=st.data())
def test_of_a_broken_workbook_nothing_is_lost_without_a_word(
    connection, folder, write: Callable[[Any], bytes], rows, data
):
    content = write(rows)
    # Not a number of bytes: it depends on the time that the workbook says it was made.
    at = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(content))
    broken = bytes([content[at] ^ (1 << data.draw(st.integers(0, 7)))])
    cut = data.draw(st.booleans())
    content = content[:at] + (b"" if cut else broken + content[at + 1 :])
    try:
        table = read(connection, folder, content)
    except UnreadableFileError as error:
        assert len(str(error)) > 10
    else:
        assert accounted(table.parsed)
        assert len(table.rows) + len(table.parsed.aside) == len(rows) - 1
