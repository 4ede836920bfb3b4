"""Amounts in two currencies never form a numeric column, in whatever format they are."""

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.forms import Form, number_forms
from ingestion.files.rules import ColumnRule, ReadingRules
from ingestion.files.sheets import read_sheet
from ingestion.files.workbook import sheets
from ingestion.files.workbook.units import shown_by
from ingestion.files.written import unit_in
from support import workbooks as made

PLAIN = made.cell("float", "7")
PERCENT = made.cell("percentage", "0.07")
EUROS = made.cell("currency", "7", more='office:currency="EUR"')
DOLLARS = made.cell("currency", "7", more='office:currency="USD"')


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("#,##0.00\\ [$€-407]", "EUR"),
        ('_-* #,##0.00\\ "€"_-;-* #,##0.00\\ "€"_-', "EUR"),
        ("[$$-409]#,##0.00", "$"),
        ("[$USD] 0.00", "USD"),
        ('"CHF" 0.00', "CHF"),
        ("0.00 \\E\\U\\R", "EUR"),
        ("0.0%", "%"),
        ("[RED]0.00", ""),
        ("General", ""),
        ("[$R$-416] #,##0.00", "BRL"),
        ('#,##0.00\\ "kr."', "kr"),
        ("#,##0.00", ""),
        ('0 "Stück"', ""),
        ("DD.MMM.YYYY", None),
        ("[$-407]d. mmmm yyyy", None),
        ("[h]:mm", None),
    ],
)
def test_the_unit_of_a_cell_is_what_its_format_shows(code, unit):
    assert shown_by(164, {164: code}).unit == unit


@pytest.mark.parametrize(("code", "zeros"), [("00000", 5), ("0", 0), ("0.00", 0), ("0000-0000", 0)])
def test_a_format_of_zeros_is_one_of_codes(code, zeros):
    assert shown_by(164, {164: code}).zeros == zeros


def test_formats_that_every_workbook_has_are_known():
    assert [shown_by(number, {}).unit for number in (0, 2, 9, 10, 44)] == ["", "", "%", "%", None]


def form_of(*texts: str) -> Form:
    return next(iter(number_forms(texts)))


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["12,50 €", "3,00 €"], "EUR"), (["€1.234,50", "-€2,00"], "EUR"),
        (["(£1.50)", "£2.00"], "GBP"),
        (["12,50-", "3,00"], ""), (["19 %"], "%"), (["1.50"], ""), (["1,234.5"], ""),
        (["7.50 CHF"], "CHF"), (["7.50 Fr."], "CHF"), (["1.234,50 kr.", "-2,00 kr."], "kr"),
        (["R$ 1.234,56", "-R$ 2,00"], "BRL"), (["₹1,23,456.50", "₹2.00"], "INR"),
        (["US$1.50"], "USD"), (["¥1,234"], "¥"),
    ],
)  # fmt: skip
def test_the_unit_of_a_column_of_text_is_in_the_name_of_its_form(texts, unit):
    assert unit_in(form_of(*texts).name) == unit


@pytest.mark.parametrize(
    "texts",
    [["INV 1001", "INV 1002"], ["ABC-123", "ABC-7"], ["RE1001"], ["12 REG"], ["1,5 STD"],
     ["DBT 100.00"], ["100.00 DR"], ["CAD-1001", "CAD-7"], ["PEN12"]],
)  # fmt: skip
def test_letters_that_are_no_currency_are_no_unit_of_a_number(texts):
    assert not list(number_forms(texts))


@pytest.mark.parametrize("other", ["VARCHAR", "DATE", "%d.%m.%Y", "ISO time", "true or false", ""])
def test_what_is_no_number_has_no_unit(other):
    assert unit_in(other) is None


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([EUROS, DOLLARS], "the column amount has EUR in A2 and USD in A3"),
        ([PERCENT, PLAIN], "the column amount has a plain number in A3 and % in A2"),
        ([EUROS, PLAIN], ""),
        ([EUROS, EUROS], ""),
        ([PERCENT, PERCENT], ""),
    ],
)
def test_a_column_of_a_sheet_is_refused_where_its_numbers_have_two_units(tmp_path, cells, told):
    book = made.ods(
        {"Data": [made.line(made.cell("string", shown="amount")), *map(made.line, cells)]}
    )
    (tmp_path / "book.ods").write_bytes(book)
    (sheet,) = sheets(tmp_path / "book.ods")
    declared = ReadingRules(columns={"amount": ColumnRule(type="decimal")})
    assert read_sheet(sheet, tmp_path / "rows.parquet", declared).rows == 2
    if not told:
        assert read_sheet(sheet, tmp_path / "rows.parquet", ReadingRules()).rows == 2
        return
    with pytest.raises(UnreadableFileError, match=told):
        read_sheet(sheet, tmp_path / "rows.parquet", ReadingRules())


def test_a_unit_above_the_header_is_no_matter(tmp_path):
    lines = [made.line(DOLLARS), made.line(made.cell("string", shown="amount")), made.line(EUROS)]
    (tmp_path / "book.ods").write_bytes(made.ods({"Data": lines}))
    (sheet,) = sheets(tmp_path / "book.ods")
    rules = ReadingRules(header_line=2)
    assert read_sheet(sheet, tmp_path / "rows.parquet", rules).rows == 1


def test_an_xlsx_shows_units_by_styles(read):
    styles = (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts>'
        '<numFmt numFmtId="164" formatCode="0.00\\ [$€-407]"/>'
        '<numFmt numFmtId="165" formatCode="[$$-409]0.00"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="10"/></cellStyleXfs>'
        '<cellXfs><xf/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>'
    )
    rows = [
        made.row(1, made.number("A1", 5, 1), made.number("B1", 5)),
        made.row(2, made.number("A2", 5, 2), made.text("B2", "x")),
    ]
    (sheet,) = read(made.xlsx({"Data": rows}, replaced={"xl/styles.xml": styles}))
    assert sheet.units == {0: {"EUR": (0, 0), "$": (1, 0)}, 1: {"": (0, 1)}}
