"""Every cell of a workbook is read as what it is, or the workbook is refused with a reason."""

import base64
import zlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook import sheet, sheets
from support import workbooks as made

# Written by xlwt: "007", 31 January 2026, 0.1, =1/0, true, =1+1, #REF! in row 2; a hidden sheet H.
_XLS = (
    "eNrtWE1oE1EQ/t5mk92UNk1iqrRiCAWr9gcqHvTSrgpaL5aqB0UEbU3AUptK8FIvVmuOgiAIipdCPXipevEHFfTm"
    "QYnoQRCERI+eBAUPbdaZ2V2aVAsN2ELKfuHNm50383b2zbzZl31fiBVnHrWVsAT9CKBshxGqkClqYe8iChq3bWa9"
    "3qRm+6grhE0KZCiI501vDY4hx7sEDQ/110SBr9RO4QIGJ7KZ1Bpiv/gwrNiHPqVT7mm4Sy2CVvErLvSs0A1CH4ju"
    "C6F7RXJdaB/pFtVJFKzBzj1uHp/Q2mUsQlThidh8FslOtOAN5/HlG8rRDWJfbnT4fJ0NJPVGzIJCOpDJZnJ83Yx7"
    "aAAmCT3j4z3pdBEJCvcsftkp4Ke3r1+lfPnayhVI/rtabiwjNymIS+U3NR2Ygn1GcTLnqUQbupMLx/jiXZBZhUPz"
    "ZM8pzi0AnBtNE+3t3d3AZV3KQLSqDDTJ5mgkmkaz8DGxjZIX8/d/fDg8MmSdFsmUlH7nBbGVvYGNK2xBxhGRajLK"
    "Wp3Cdwm9KrNuFr5NaILyl/qOoRaXOTgtOtdktINm2CX4aG2r4LcTn/9+5Gky/83aQfzcQOlSYu6TNYN2WoC0PL7C"
    "NLpVt7pzm/HM8nrllpIvQlv/KiumFpUnMGG7b8FmLNBGUrIePPKSZuDyFMetgkayLlnfELaQVKfrgJjZrrmBpEKS"
    "a65mynblSRzl0DLKCgFH2SCFTapfi+Mxu0ZlbhGrHUVvxKH1GEXH9+ooMmLOgYdXFf9aVR8+fPjw4cOHj3UFtfiH"
    "AHzkC7rHRsP9rrNArex/Jlm3OIoJ+l2kv5QHkKU+h8ma8mcjgsqbS63QxvteyDhOd89hDCPix1jN+UvHflX5PCs2"
    "jP6/LVTr/cu1+LnK9/8DlKL4+g=="
)

# Of which a serial number counts the days.
_DAY_0 = datetime.fromisoformat("1899-12-30")


def one_row(read, *cells: str, **options):
    return read(made.xlsx({"Data": [made.row(1, *cells)]}, **options))[0].rows[0][1]


def one_line(read, *cells: str):
    return read(made.ods({"Data": [made.line(*cells)]}))[0].rows[0][1]


def test_a_hidden_first_sheet_is_named_as_such_and_the_second_has_the_data(read):
    content = made.xlsx(
        {"Notes": [made.row(1, made.text("A1", "x"))], "Data": [made.row(1, made.number("A1", 7))]},
        hidden=["Notes"],
    )
    assert [(s.name, s.visible, s.rows) for s in read(content)] == [
        ("Notes", False, [(1, ["x"])]),
        ("Data", True, [(1, [7])]),
    ]


def test_title_rows_that_are_merged_and_empty_rows_leave_the_numbers_of_the_rows(read):
    rows = [
        made.row(2, made.text("B2", "Hours in March")),
        made.row(5, made.text("B5", "day"), '<c r="C5" s="1"/>', made.text("D5", "hours")),
        made.row(6, '<c r="B6"/>'),
        made.row(7, made.number("B7", 46053, made.DATE), made.number("D7", 7.5)),
    ]
    content = made.xlsx({"Data": rows})
    assert read(content)[0].rows == [
        (2, [None, "Hours in March"]),
        (5, [None, "day", None, "hours"]),
        (7, [None, date(2026, 1, 31), None, Decimal("7.5")]),
    ]


@pytest.mark.parametrize(
    ("stored", "value"),
    [
        ("1", 1),
        ("1E5", 100_000),
        ("-0", 0),
        ("0.1", Decimal("0.1")),
        ("119.5", Decimal("119.5")),
        ("1234567890.12345", Decimal("1234567890.12345")),
        ("0.30000000000000004", 0.1 + 0.2),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740992", 2.0**53),
        ("12345678901234567890", 12345678901234567890.0),
    ],
)
def test_a_number_is_what_was_typed(read, stored, value):
    (found,) = one_row(read, made.number("A1", stored))
    assert (found, type(found)) == (value, type(value))
    (found,) = one_line(read, made.cell("float", stored))
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("typed", ["007", " a ", "1E5", "2026-01-31", "TRUE", "1-2"])
def test_text_stays_text(read, typed):
    assert one_row(read, made.text("A1", typed)) == [typed]
    spaces = typed.replace(" ", '<text:s text:c="1"/>')
    assert one_line(read, made.cell("string", shown=spaces)) == [typed]


def test_days_times_durations_and_booleans_are_told_apart(read):
    found = one_row(
        read,
        made.number("A1", 46053, made.DATE),
        made.number("B1", 46053.4375, made.MOMENT),
        made.number("C1", 0.4375, made.TIME),
        made.number("D1", 1.5, made.DURATION),
        '<c r="E1" t="b"><v>0</v></c>',
        '<c r="F1" t="d"><v>2026-01-31</v></c>',
    )
    assert found == [
        date(2026, 1, 31),
        datetime.fromisoformat("2026-01-31T10:30"),
        time(10, 30),
        timedelta(hours=36),
        False,
        date(2026, 1, 31),
    ]
    found = one_line(
        read,
        made.cell("date", "2026-01-31"),
        made.cell("date", "2026-01-31T10:30:00"),
        made.cell("date", "2026-01-31T00:00:00"),
        made.cell("time", "PT10H30M00S"),
        made.cell("time", "PT36H00M00S"),
        made.cell("boolean", "false"),
        made.cell("percentage", "0.19"),
        made.cell("currency", "-12.5"),
    )
    assert [*found[:2], type(found[2])] == [
        date(2026, 1, 31),
        datetime.fromisoformat("2026-01-31T10:30"),
        date,
    ]
    assert found[3:] == [
        time(10, 30),
        timedelta(hours=36),
        False,
        Decimal("0.19"),
        Decimal("-12.5"),
    ]


def test_days_count_from_1904_where_the_workbook_says_so(read):
    cell = made.number("A1", 46053 - 1462, made.DATE)
    assert one_row(read, cell, settings='<workbookPr date1904="1"/>') == [date(2026, 1, 31)]


def test_hours_below_zero_are_no_midnight(read):
    midnight, owed = made.number("A1", 0, made.TIME), made.number("B1", -0.25, made.TIME)
    assert one_row(read, midnight, owed) == [time(0, 0), timedelta(hours=-6)]
    assert one_line(read, made.cell("time", "-PT06H00M00S")) == [timedelta(hours=-6)]


def test_an_error_is_seen_and_no_empty_cell_and_no_zero(read):
    assert one_row(read, made.error("A1", "#REF!"), made.error("C1", "#N/A")) == [
        "#REF!",
        None,
        "#N/A",
    ]
    broken = 'table:formula="of:=1/0" calcext:value-type="error"'
    assert one_line(
        read,
        made.cell("string", shown="#DIV/0!", more=f'{broken} office:string-value=""'),
        made.cell("float", "0", "Err:502", broken),
    ) == ["#DIV/0!", "Err:502"]


def test_a_formula_without_a_stored_value_is_named(read):
    cells = (
        '<c r="A1"><f>1+1</f><v>2</v></c>',
        '<c r="B1"><f>1+1</f></c>',
        '<c r="C1"><f>1+1</f><v></v></c>',
        '<c r="D1" t="str"><f>""</f><v></v></c>',
        made.number("E1", 5),
    )
    (found,) = read(made.xlsx({"Data": [made.row(1, *cells)]}))
    assert (found.rows, found.unknown) == ([(1, [2, None, None, None, 5])], ("B1", "C1"))
    formula = '<table:table-cell table:formula="of:=1+1"/>'
    (found,) = read(made.ods({"Data": [made.line(formula, made.cell("float", 5))]}))
    assert (found.rows, found.unknown) == ([(1, [None, 5])], ("A1",))


def test_a_zero_that_a_program_wrote_for_want_of_a_calculation_is_no_value(read):
    cells = ('<c r="A1"><f>1+1</f><v>0</v></c>', '<c r="B1"><f>1+1</f><v>2</v></c>')
    row = made.row(1, *cells, made.number("C1", 0))
    (found,) = read(made.xlsx({"Data": [row]}, after='<calcPr fullCalcOnLoad="1"/>'))
    assert (found.rows, found.unknown) == ([(1, [None, 2, 0])], ("A1",))
    assert one_row(read, *cells) == [0, 2]


def test_a_sheet_of_errors_only_has_rows(read):
    assert one_row(read, made.error("B1", "#NAME?")) == [None, "#NAME?"]


def test_an_empty_sheet_has_no_rows(read):
    assert read(made.xlsx({"Data": []}))[0].rows == []
    assert (
        read(made.ods({"Data": [made.line(made.empty(16384), repeated=1_048_576)]}))[0].rows == []
    )


def test_repeated_cells_and_rows_of_ods_come_as_often_as_they_count(read):
    lines = [
        made.line(made.empty(16384), repeated=2),
        made.line(made.cell("float", 7, more='table:number-columns-repeated="2"'), made.empty(3)),
        made.line(made.cell("string", shown="x"), made.empty(16383), repeated=2),
        made.line(made.empty(16384), repeated=1_048_571),
    ]
    assert read(made.ods({"Data": lines}))[0].rows == [(3, [7, 7]), (4, ["x"]), (5, ["x"])]


def test_text_of_ods_keeps_its_spaces_tabs_and_lines_and_leaves_comments_out(read):
    comment = "<office:annotation><text:p>ask again</text:p></office:annotation>"
    cell = made.cell("string", shown='a<text:s text:c="2"/>b<text:tab/>c<text:line-break/>d')
    found = one_line(read, cell.replace("<text:p>", f"{comment}<text:p>"))
    assert found == ["a  b\tc\nd"]


def test_a_copy_of_another_files_sheet_in_ods_is_no_sheet(read):
    source = "<table:table-source/>"
    content = made.ods({"Data": [made.line(made.cell("float", 1))], "other.ods": [source]})
    assert [s.name for s in read(content)] == ["Data"]


def test_a_hidden_table_of_ods_is_named_as_such(read):
    content = made.ods({"A": [], "B": []}, hidden=["B"])
    assert [(s.name, s.visible) for s in read(content)] == [("A", True), ("B", False)]


def test_an_old_xls_is_read(read):
    content = zlib.decompress(base64.b64decode(_XLS))
    first, second = read(content)
    assert first.rows == [
        (2, [None, "007", date(2026, 1, 31), Decimal("0.1"), None, True, None, "#REF!"])
    ]
    assert (second.name, second.visible, second.rows) == ("H", False, [(1, ["hid"])])
    with pytest.raises(UnreadableFileError, match="no readable workbook"):
        read(content[:1500])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(0, 30),
            st.one_of(
                st.integers(-(10**14), 10**14),
                st.decimals(-(10**9), 10**9, places=4).filter(lambda d: d % 1),
                st.datetimes(_DAY_0.replace(1901), _DAY_0.replace(2199)).map(
                    lambda t: t.replace(microsecond=0)
                ),
            ),
        ),
        unique_by=lambda c: c[:2],
        max_size=20,
    )
)
def test_what_is_written_into_any_cell_is_read_there(tmp_path_factory, cells):
    rows: dict[int, dict[int, object]] = {}
    for at, column, value in cells:
        rows.setdefault(at, {})[column] = value
    written = []
    for at in sorted(rows):
        line = []
        for column in sorted(rows[at]):
            value, place = rows[at][column], sheet.address((at, column))
            if isinstance(value, datetime):
                serial = (value - _DAY_0) / timedelta(days=1)
                line.append(made.number(place, repr(serial), made.MOMENT))
            else:
                line.append(made.number(place, value))
        written.append(made.row(at + 1, *line))
    path = tmp_path_factory.mktemp("workbook") / "file"
    path.write_bytes(made.xlsx({"Data": written}))
    read = {
        (at - 1, column): value
        for at, values in sheets(path)[0].rows
        for column, value in enumerate(values)
        if value is not None
    }
    for key, value in read.items():
        if type(value) is date:
            read[key] = datetime.combine(value, time(0, 0))
    assert read == {(at, column): value for at, column, value in cells}


def formula(at: str, result: str) -> str:
    return f'<c r="{at}"><f>A1*B1</f><v>{result}</v></c>'


@pytest.mark.parametrize(
    ("results", "unknown"),
    [
        (["0.0", "0.0"], ("C1", "C2")),  # a streaming writer of Apache POI
        (["0.0", "21.0"], ()),
        (["0", "0"], ()),
    ],
)
def test_results_of_0_are_from_a_calculation_unless_all_are_as_a_program_writes_them(
    read, results, unknown
):
    rows = [
        made.row(at, made.number(f"A{at}", "5.0"), formula(f"C{at}", result))
        for at, result in enumerate(results, 1)
    ]
    (found,) = read(made.xlsx({"Data": rows}))
    assert found.unknown == unknown
    other = made.row(1, formula("A1", "7.5"))
    assert read(made.xlsx({"Data": rows, "More": [other]}))[0].unknown == ()
