"""Old and binary workbooks as written by other programs, such as SheetJS."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook import sheets
from ingestion.files.workbook.ole import workbook_stream
from support import workbooks as made
from support.binary_workbooks import BOOKS, stored, with_code_page, with_format_id


@pytest.fixture(params=BOOKS)
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    path.write_bytes(BOOKS[request.param])
    return path


def test_each_cell_is_what_its_program_shows(book):
    data, _ = sheets(book)
    assert data.rows[1:] == [
        (2, [1, date(2026, 1, 31), timedelta(hours=30), "01067", Decimal("0.19"), Decimal("10.5"),
             "#N/A"]),
        (3, [2, datetime.fromisoformat("2026-02-28T12:00"), timedelta(hours=12), 80331,
             Decimal("0.07"), Decimal("20.5"), 7]),
    ]  # fmt: skip


def test_its_currencies_and_percentages_are_seen(book):
    data, mixed = sheets(book)
    assert data.units[4].keys() == {"%"}
    assert data.units[5].keys() == {"EUR"}
    assert mixed.units[1] == {"EUR": (1, 1), "$": (2, 1)}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_one_that_is_cut_off_is_refused(book, tmp_path, share):
    content = book.read_bytes()
    (tmp_path / "cut").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnreadableFileError):
        sheets(tmp_path / "cut")


def test_an_ole_file_that_is_no_workbook_is_refused(tmp_path):
    (tmp_path / "book").write_bytes(BOOKS["xlwt.xls"].replace(b"W\0o\0r\0k", b"X\0o\0r\0k"))
    with pytest.raises(UnreadableFileError, match="without a workbook"):
        workbook_stream(tmp_path / "book")


def test_a_post_code_of_an_ods_keeps_the_zero_that_it_shows(read):
    cells = (made.cell("float", "1067", "01067"), made.cell("float", "1067", "1067"))
    (sheet,) = read(made.ods({"Data": [made.line(*cells)]}))
    assert sheet.rows == [(1, ["01067", 1067])]


def test_a_number_of_an_ods_that_shows_its_day_is_that_day(read):
    cells = [
        made.cell("float", "46086", shown)
        for shown in ("05.03.2026", "2026-03-05", "3/5/26", "46086", "06.03.2026", "46.086")
    ]
    (sheet,) = read(made.ods({"Data": [made.line(*cells)]}))
    day = date(2026, 3, 5)
    assert sheet.rows == [(1, [day, day, day, 46086, 46086, 46086])]


def test_a_post_code_of_an_xlsx_keeps_the_zero_that_its_format_shows(read):
    styles = (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>'
        '<numFmt numFmtId="164" formatCode="00000"/></numFmts>'
        '<cellXfs><xf/><xf numFmtId="164"/></cellXfs></styleSheet>'
    )
    cells = (
        made.number("A1", 1067, 1), made.number("B1", 1067), made.number("C1", 80331, 1),
        made.number("D1", "1067.0", 1), made.number("E1", "1.067E3", 1),
    )  # fmt: skip
    (sheet,) = read(made.xlsx({"Data": [made.row(1, *cells)]}, replaced={"xl/styles.xml": styles}))
    assert sheet.rows == [(1, ["01067", 1067, 80331, "01067", "01067"])]


def test_half_a_surrogate_pair_costs_one_character_and_not_the_workbook(read):
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(BOOKS["sheetjs.xlsb"])) as former,
        zipfile.ZipFile(out, "w") as book,
    ):
        for name in former.namelist():
            content = former.read(name)
            book.writestr(name, content.replace(b"\2\0\0\0i\0d\0", b"\2\0\0\0i\0\x3d\xd8"))
    assert read(out.getvalue())[0].rows[0][1][0] == "i\N{REPLACEMENT CHARACTER}"


def test_texts_of_a_new_xls_are_right_whatever_code_page_it_states(read):
    right = read(BOOKS["xlwt.xls"])
    for code_page in (1252, 1251, 932):
        assert read(with_code_page(BOOKS["xlwt.xls"], code_page)) == right


def test_an_amount_whose_format_has_the_id_of_a_day_is_no_day(read):
    book = BOOKS["xlwt.xls"]
    code = r"#,##0.00\ [$€-407]".encode("utf-16-le")
    assert read(with_format_id(book, code, 51)) == read(book)
    styles = (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>'
        '<numFmt numFmtId="51" formatCode="#,##0.00 [$€-407]"/></numFmts>'
        '<cellXfs><xf/><xf numFmtId="51"/></cellXfs></styleSheet>'
    )
    cells = (made.number("A1", "1234.5", 1), made.number("B1", 46053, 1))
    (sheet,) = read(made.xlsx({"Data": [made.row(1, *cells)]}, replaced={"xl/styles.xml": styles}))
    assert sheet.rows == [(1, [Decimal("1234.5"), 46053])]
    assert sheet.units[0].keys() == {"EUR"}


CALCULATED = struct.pack("<d", 21.0) + b"\2\0\0\0\0\0"


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(b"\3\0\0\0\0\0\xff\xff" + bytes(6), id="xlwt"),
        pytest.param(bytes(8) + b"\2" + bytes(5), id="Apache POI"),
        pytest.param(bytes(8) + b"\3" + bytes(5), id="Perl and PHP"),
        pytest.param(struct.pack("<d", 4) + b"\2\0\0\0\xe0\xfc", id="JExcelAPI"),
    ],
)
def test_formulas_of_an_xls_that_nothing_calculated_have_no_value(read, result):
    (sheet,) = read(stored(result, result))
    assert sheet.unknown == ("C2", "C3")
    assert sheet.rows[1] == (2, [1, Decimal("10.5")])


@pytest.mark.parametrize("first", [bytes(8) + b"\2" + bytes(5), CALCULATED])
def test_a_formula_may_be_0_if_another_was_calculated(read, first):
    (sheet,) = read(stored(first, CALCULATED))
    assert sheet.unknown == ()
    assert [cells[2] for _, cells in sheet.rows[1:]] == [struct.unpack_from("<d", first)[0], 21]
