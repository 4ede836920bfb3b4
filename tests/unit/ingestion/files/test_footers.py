"""What surrounds a table's rows isn't read as rows, in text or in workbooks."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.sums import sums
from support.parsing import accounted, connected, read

ROWS = [
    ["client", "day", "hours", "amount"],
    ["A", "2026-01-05", 1, 100.5],
    ["B", "2026-01-06", 2, 200.5],
]


def csv(rows: list[list[Any]]) -> bytes:
    width = max(map(len, rows))
    lines = (";".join("" if c is None else str(c) for c in row) for row in rows)
    return "\n".join(line + ";" * (width - 1 - line.count(";")) for line in lines).encode()


def xlsx(rows: list[list[Any]], left: int = 0) -> bytes:
    book = openpyxl.Workbook()
    for at, row in enumerate(rows, 1):
        for place, value in enumerate(row, 1 + left):
            book.worksheets[0].cell(at, place, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "below",
    [
        [["Suma", None, 3, 301]], [["Totaal", None, None, 301.0]], [["Razem", None, None, 301]],
        [["Gesamtergebnis", None, 3, 301]], [["合计", None, None, 301]],
        [[None, None, 3, 301.0]],  # no word, and yet the sum
        [["Total", None, 3, 301], [], ["Source: our books"]],
        [[], ["As of today, without warranty"]],
        [[None, None, None, 301], []],
    ],
)  # fmt: skip
def test_totals_and_notes_below_are_no_rows(tmp_path, written, below):
    table = read(connected(), tmp_path, written([*ROWS, *below]))
    assert [row[0] for row in table.rows] == ["A", "B"]
    assert all(aside.expected for aside in table.parsed.aside)
    assert accounted(table.parsed)


@pytest.mark.parametrize("written", [csv, xlsx])
def test_subtotals_amid_the_rows_are_no_rows_where_they_sum_up(tmp_path, written):
    rows = [
        *ROWS,
        ["Total for 2026-01", None, 3, 301],
        ["C", "2026-02-05", 7, 50.25],
        ["Total for 2026-02", None, 7, 50.25],
        ["Total", None, 11, 400],  # of something else
        ["D", "2026-03-05", 1, 1],
    ]
    table = read(connected(), tmp_path, written(rows))
    assert [row[0] for row in table.rows] == ["A", "B", "C", "Total", "D"]
    assert [aside.line for aside in table.parsed.aside] == [4, 6]
    assert accounted(table.parsed)


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize("amount", [None, 7])
def test_a_client_whose_name_begins_like_a_total_is_a_row(tmp_path, written, amount):
    table = read(connected(), tmp_path, written([*ROWS, ["Total Energies", None, None, amount]]))
    assert table.rows[-1][0] == "Total Energies"


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "last",
    [
        ["Total Hours", None, None, "3h 5m"], ["Total EUR", None, None, 7],
        ["Total amount due", None, None, 7], ["Total 2026", None, None, 7],
        ["Total Energies", None, None, 301],  # it sums up all
    ],
)  # fmt: skip
def test_a_total_with_more_words_is_no_row(tmp_path, written, last):
    assert len(read(connected(), tmp_path, written([*ROWS, last])).rows) == 2


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "last",
    [
        [None, None, 4, 302],
        ["C", "2026-01-07", 3, 301],
        ["Suma", None, 4, 7],
        [None, "2026-01-07", 3, 301],
    ],
)
def test_a_last_row_that_is_no_sum_is_a_row(tmp_path, written, last):
    assert len(read(connected(), tmp_path, written([*ROWS, last])).rows) == 3


def test_a_sheet_may_begin_below_titles_and_right_of_empty_columns(tmp_path):
    titles = [["Hours 2026"], ["As of", "2026-03-01"], []]
    for content in (xlsx([*titles, *ROWS]), xlsx(ROWS, left=2), xlsx([*titles, *ROWS], left=1)):
        table = read(connected(), tmp_path, content)
        assert list(table.parsed.new_columns) == ROWS[0]
        assert len(table.rows) == 2


def test_a_sheet_with_a_header_alone_has_no_rows(tmp_path):
    assert read(connected(), tmp_path, xlsx(ROWS[:1])).rows == []


@pytest.mark.parametrize("written", [csv, xlsx])
def test_a_word_for_a_total_in_most_rows_is_what_the_table_is_about(tmp_path, written):
    rows = [["kind", "users", "orders"], *(["Total", 3 * n, 5] for n in range(1, 9)), ["A", 1, 2]]
    table = read(connected(), tmp_path, written(rows))
    assert len(table.rows) == 9


AMOUNTS = [
    ["Customer", "Amount", "Fee"],
    ["Ann", 10, 0],
    ["Bob", 20, 5],
    ["Cid", 30, 0],
    ["Dan", 31, 0],
]
BRANDS = [
    ["Brand", "Visits", "Litres"],
    ["Shell", 1, 40.5],
    ["Total", 1, 33.2],
    ["Aral", 1, 20.25],
    ["Total", 2, 12.5],
    ["Shell", 1, 9.3],
]


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "rows",
    [
        [*AMOUNTS, [None, 40, 5]],  # Fee would be the sum
        [["Customer", "Qty", "Price"], ["Ann", 1, 10], ["Bob", 1, 20], [None, 2, 35]],
        [["Customer", "Qty", "Price"], [None, 1, 10], ["Bob", 1, 20], [None, 2, 30]],
        [["Customer", "Fee", "Tip"], ["Ann", 0, 0], ["Bob", 0, 0], ["Cid", 5, 1], [None, 5, 1]],
        BRANDS,
        [[str(cell) for cell in row] for row in BRANDS],
        [row[:2] for row in BRANDS],
    ],
)
def test_a_row_like_the_others_that_happens_to_match_is_kept(tmp_path, written, rows):
    table = read(connected(), tmp_path, written(rows))
    assert len(table.rows) == len(rows) - 1
    assert not table.parsed.aside


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize("last", [[None, 91, 5], ["Total", 91, 5], ["Total", 91, None]])
def test_a_row_whose_numbers_all_are_sums_is_none(tmp_path, written, last):
    table = read(connected(), tmp_path, written([*AMOUNTS, last]))
    assert len(table.rows) == 4
    assert accounted(table.parsed)


@pytest.mark.parametrize("written", [csv, xlsx])
def test_a_sum_of_zero_beside_another_is_no_contradiction(tmp_path, written):
    rows = [*([*row[:2], 0] for row in AMOUNTS[1:]), ["Total", 91, 0], ["Eve", 7, 0]]
    table = read(connected(), tmp_path, written([AMOUNTS[0], *rows]))
    assert [row[0] for row in table.rows] == ["Ann", "Bob", "Cid", "Dan", "Eve"]


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "below",
    [
        [[], [None, 3, 30]],
        [["Total:"], [None, 3, 30]],
        [["Total", 3, 30], [], [None, 3, 30]],
        [["Total", 3, 30], ["Total", 3, 30], [], ["As of today"]],
    ],
)
def test_what_is_between_the_rows_and_their_sum_is_no_row(tmp_path, written, below):
    rows = [["Name", "Hours", "Rate"], ["a", 1, 10], ["b", 2, 20], *below]
    table = read(connected(), tmp_path, written(rows))
    assert [row[0] for row in table.rows] == ["a", "b"]
    assert all(aside.expected for aside in table.parsed.aside)
    assert accounted(table.parsed)


CAMPAIGNS = [
    ["Campaign", "Currency", "Clicks", "Cost", "CTR", "Share"],
    ["Brand", "EUR", "1234", "308.50", "6.17%", "< 10%"],
    ["Generic", "EUR", "10", "10.00", "1.11%", "--"],
]
WEEK = [
    ["User", "Project", "Mon", "Tue", "Total"],
    ["Ann", "Site", "01:00:00", "00:00:00", "01:00:00"],
    ["Ann", "App", "120:30:00", "03:30:00", "124:00:00"],
]


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "rows",
    [
        [*CAMPAIGNS, ["Total: Account", "EUR", "1244", "318.50", "5.95%", "--"]],
        [*CAMPAIGNS, ["Gesamt: Konto", "--", "1244", "318.50", "5.95%", "--"]],
        [*CAMPAIGNS, *2 * [["Total: 2", None, "1244", "318.50", "5.95%", None]]],
        [*WEEK, ["Total", None, "121:30:00", "03:30:00", "125:00:00"]],
        [*WEEK, [None, None, "121:30:00", "03:30:00", "125:00:00"]],
        [*WEEK, [None, "Total", "121:30:00", "03:30:00", "125:00:00"]],
        [*ROWS, [None, "Summe", 3, 301]],
        [ROWS[0], ["Period total", None, 3, 301], *ROWS[1:]],
        [*ROWS, ["A gesamt", None, 3, 301]],
        [*ROWS, ["Total", None, 3, "$301.00"]],
        [["on", "for", "in", "cost"], ["2026-01-05", "a", "EUR", 1.5],
         ["2026-01-06", "b", "EUR", 2], ["2026-01-31", "Total balance", "EUR", 3.5]],
        [ROWS[0], [None, None, 3, 301], *ROWS[1:]],
    ],
)  # fmt: skip
def test_a_total_beside_durations_rates_and_texts_of_all_rows_is_no_row(tmp_path, written, rows):
    table = read(connected(), tmp_path, written(rows))
    assert len(table.rows) == 2
    assert all(aside.expected for aside in table.parsed.aside)
    assert accounted(table.parsed)


@pytest.mark.parametrize("written", [csv, xlsx])
@pytest.mark.parametrize(
    "rows",
    [
        [*CAMPAIGNS, ["Total: Account", "EUR", "1244", "318.50", "9.95%", "--"]],  # no rate of them
        [*CAMPAIGNS, ["Total: Account", "EUR", "1244", "318.51", "5.95%", "--"]],
        [*CAMPAIGNS, ["Total: Account", "USD", "1244", "318.50", "5.95%", "--"]],
        [*WEEK, ["Total", None, "121:30:00", "03:30:00", "25:00:00"]],
        [*WEEK, [None, "Site", "121:30:00", "03:30:00", "125:00:00"]],
        [*ROWS, ["Summe", None, 3, 302]],
        [ROWS[0], [None, None, 3, 300], *ROWS[1:]],
        [ROWS[0], ["C", None, 3, 301], *ROWS[1:]],
        [["Brand", "Visits", "Cars", "Litre"], ["Shell", 1, 1, 1.5], ["Aral", 1, 1, 1.4],
         ["Total", 2, 2, 1.45]],
        [["Client", "Hours"], [None, 3], ["A", 1], ["B", 2]],
        [*ROWS, ["Agence Total", None, None, 5]],
    ],
)  # fmt: skip
def test_a_row_that_only_looks_like_a_total_is_kept(tmp_path, written, rows):
    table = read(connected(), tmp_path, written(rows))
    assert len(table.rows) == len(rows) - 1
    assert not table.parsed.aside


def test_lines_are_still_those_of_the_file_where_sums_are_left_out(tmp_path):
    content = b"Name;Hours;At\na;1;x\n\nTotal;1;\nb;2;y\n;;\nc;x;z\nTotal;;\n"
    table = read(connected(), tmp_path, content, columns={"Hours": {"type": "integer"}})
    assert accounted(table.parsed)
    assert [aside.line for aside in table.parsed.aside] == [6, 8]


def test_lines_of_delimiters_alone_are_no_rows(tmp_path):
    content = b"Name;Hours\n;\na;1.5\n;\n\nb;2\n;\nAs of today;\n"
    table = read(connected(), tmp_path, content)
    assert [row[0] for row in table.rows][:2] == ["a", "b"]
    assert [aside.line for aside in table.parsed.aside][:2] == [2, 4]
    assert all(aside.expected for aside in table.parsed.aside)
    assert accounted(table.parsed)
    assert len(read(connected(), tmp_path, b'Name\n"a"\n""\n"b"\n').rows) == 3


@pytest.mark.parametrize("line", ["   ", "\x1a", '""', ";;;;"])
def test_a_line_without_any_text_needs_no_action(tmp_path, line):
    table = read(connected(), tmp_path, f"id;n\n1;A\n{line}\n2;B\n".encode())
    assert table.rows == [(1, "A"), (2, "B")]
    assert [(aside.line, aside.expected) for aside in table.parsed.aside] == [(3, True)]
    assert accounted(table.parsed)


def test_a_header_on_a_new_page_is_no_row(tmp_path):
    table = read(connected(), tmp_path, b"id,n\n1,A\n\x0cid,n\n2,B\n")
    assert table.rows == [(1, "A"), (2, "B")]


def test_a_header_is_repeated_after_a_byte_order_mark_or_padded(tmp_path):
    content = (
        "Day,Hours\n2026-01-05,1.5\n\ufeffDay,Hours\n2026-01-06,2\nDay , Hours\n2026-01-07,3\n"
    )
    table = read(connected(), tmp_path, content.encode())
    assert table.types == ["DATE", "DECIMAL(18,1)"]
    assert [aside.line for aside in table.parsed.aside] == [3, 5]
    assert accounted(table.parsed)


def test_only_columns_with_numbers_of_a_possible_sum_are_read():
    rows = [[f"client {n}", str(n), "x", "7"] for n in range(1_000)]
    whole: list[int] = []

    def cells(column, places):
        whole.extend([column] * (len(places) >= len(rows)))
        return [rows[at][column] for at in places]

    assert sums(cells, len(rows), 4) == set()
    assert whole == [0]
    rows.append(["Total", str(sum(range(1_000))), "", ""])
    assert sums(cells, len(rows), 4) == {1_000}
    assert whole[1:] == [0, 1]


def test_a_table_with_too_many_numbers_is_left_as_it_is():
    width = 300

    def cells(column, places):
        assert len(places) < 50_000 or not column
        return ["Total" if at == 49_999 and not column else "1" for at in places]

    assert sums(cells, 50_000, width) == set()


def test_a_number_late_in_a_column_says_how_the_others_are_written():
    column = [*["1.000"] * 200, "2,5", "-3,5-", "200.002,5"]
    column[201] = "3,5-"
    column[202] = "199.999,0"
    rows = [["a", number] for number in column]
    rows[-1][0] = "Total"
    assert sums(lambda n, places: [rows[at][n] for at in places], len(rows), 2) == {202}


def test_a_header_and_its_title_that_a_sheet_repeats_are_no_rows(tmp_path):
    content = xlsx([["Hours 2026"], *ROWS, [], ["Hours 2026"], ROWS[0], ["C", None, 3, 7]])
    table = read(connected(), tmp_path, content)
    assert [row[0] for row in table.rows] == ["A", "B", "C"]
    assert [aside.line for aside in table.parsed.aside] == [6, 7]
    assert accounted(table.parsed)


@pytest.mark.parametrize(
    ("below", "told"),
    [
        (
            [[], ["town", "zip", "mayor"], ["Ulm", "89073", "Q"]],
            "line 5 .town, zip, mayor.*another",
        ),
        ([[], ["Returns"], ROWS[0], ["C", None, 3, 7]], "row 5 .Returns. begins another"),
        ([["Returns"], ROWS[0], ["C", None, 3, 7]], "row 4 .Returns. begins another"),
    ],
)
def test_a_second_table_below_the_first_of_a_sheet_is_refused(tmp_path, below, told):
    with pytest.raises(UnreadableFileError, match=told):
        read(connected(), tmp_path, xlsx([*ROWS, *below]))


@pytest.mark.parametrize("written", [csv, xlsx])
def test_a_second_table_beside_the_first_is_refused(tmp_path, written):
    beside = [["town", "zip"], ["Ulm", "89073"], ["Bonn", "53111"], [None, None]]
    rows = [[*row, None, *two] for row, two in zip([*ROWS, ROWS[2]], beside, strict=True)]
    with pytest.raises(UnreadableFileError, match="one with amount, of 3 rows, and one with town"):
        read(connected(), tmp_path, written(rows))
    assert len(read(connected(), tmp_path, written(rows[:3])).rows) == 2  # only an empty column
    rows[2][5] = None  # it has gaps, as a column of notes
    assert len(read(connected(), tmp_path, written(rows)).rows) == 3


def test_a_second_table_in_a_large_file_is_refused(tmp_path):
    rows = b"12345678,abcdefghijklmnopqrstuvwxyz\n" * 1_000_000
    content = b"id,name\n" + rows + b"\ntown,zip\nUlm,89073\n"
    with pytest.raises(UnreadableFileError, match=r"line 1000003 .town, zip.*another"):
        read(connected(), tmp_path, content)
