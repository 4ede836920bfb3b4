"""What an earlier file of a table implies for a later one, and what it doesn't."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from ingestion.files.conform import Destination, Remembered
from ingestion.files.errors import UnreadableFileError
from ingestion.files.reading import parse
from stack.raw import RawTable
from support.archives import packed
from support.parsing import connected, read, read_in_turn

EUROS, DOLLARS, PERCENT, PLAIN = "0.00\\ [$€-407]", "[$$-409]0.00", "0%", "General"


def book(*sheets: tuple[str, float]) -> bytes:
    """A sheet each of an amount in a format."""
    made = openpyxl.Workbook()
    for number, (code, amount) in enumerate(sheets):
        sheet = made.create_sheet(f"S{number}") if number else made.worksheets[0]
        sheet.append(["id", "amount"])
        sheet.append([number, amount])
        sheet["B2"].number_format = code
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def text(*values: str) -> bytes:
    return ("amount;id\n" + "".join(f"{value};1\n" for value in values)).encode()


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (book((EUROS, 1.5)), book((DOLLARS, 2.5)), "is in \\$, and in EUR"),
        (book((PERCENT, 0.19)), book((PLAIN, 19.5)), "is in no unit, and in %"),
        (book((PLAIN, 0.19)), book((PERCENT, 0.2)), "is in %, and in no unit"),
        (text("1,50 €"), book((DOLLARS, 2.5)), "is in \\$, and in EUR"),
        (book((EUROS, 1.5)), text("$2.50"), "is in \\$, and in EUR"),
        (book((EUROS, 1.5)), text("2,50 €"), ""),
        (book((EUROS, 1.5)), book((PLAIN, 2.5)), ""),
        (book((PLAIN, 1.5)), book((EUROS, 2.5)), ""),
        (book((EUROS, 1.5)), text("2,50"), ""),
    ],
)
def test_amounts_of_two_files_are_in_one_unit_or_the_second_is_refused(
    tmp_path, first, second, told
):
    if not told:
        assert len(read_in_turn(connected(), tmp_path, [first, second])) == 2
        return
    with pytest.raises(UnreadableFileError, match=told):
        read_in_turn(connected(), tmp_path, [first, second])


def test_a_cell_that_nobody_formatted_doesnt_make_the_table_forget_its_currency(tmp_path):
    books = [book((EUROS, 1.5)), book((PLAIN, 2.5)), book((DOLLARS, 3.5))]
    with pytest.raises(UnreadableFileError, match="EUR"):
        read_in_turn(connected(), tmp_path, books)


def test_sheets_of_two_currencies_are_no_one_table(tmp_path):
    assert (
        len(read(connected(), tmp_path, book((EUROS, 1.5), (PLAIN, 2.5), (EUROS, 3.5))).rows) == 3
    )
    with pytest.raises(UnreadableFileError, match=r"sheets have amount in \$ and EUR"):
        read(connected(), tmp_path, book((EUROS, 1.5), (DOLLARS, 2.5)))


def test_parts_of_an_archive_that_are_of_two_kinds_are_refused(tmp_path):
    content = packed(a=b"id,name\n1,A\n2,B\n", b=b'[{"id": 3, "name": "C"}]')
    with pytest.raises(UnreadableFileError, match="several kinds"):
        read(connected(), tmp_path, content)


def records(**values: Any) -> bytes:
    return json.dumps([values]).encode()


@pytest.mark.parametrize(
    ("files", "last"),
    [
        # The mark of a number in JSON or a sheet is none of text.
        ([records(amount=1234.5), text("1.500")], "1.500"),
        ([book((PLAIN, 1234.5)), text("1.500")], "1.500"),
        ([text("1.234,50"), text("1.500")], Decimal(1500)),
        ([text("1.234,50"), text("7"), text("1.500")], Decimal(1500)),
        # Whoever wrote both says nothing about a third that can't tell.
        ([text("1.234,50"), text("1,234.50"), text("1.500")], "1.500"),
        ([text("1.234,50"), text("1,234.50"), text("1.234,50"), text("1.500")], "1.500"),
        ([text("13/01/2026"), text("01/14/2026"), text("02/03/2026")], "02/03/2026"),
    ],
)
def test_a_later_file_that_cant_tell_is_read_as_those_before_it_if_they_agree(
    tmp_path, files: Sequence[bytes], last
):
    rows = read_in_turn(connected(), tmp_path, files)
    assert last in rows[-1]


def words(*rows: tuple[str, str]) -> bytes:
    return "".join(f"{a},{b}\n" for a, b in rows).encode()


def test_words_in_the_place_of_a_header_are_none_where_the_table_has_other_columns(tmp_path):
    first = words(("name", "city"), ("Anna", "Ulm"))
    second = words(("Bernd", "Köln"), ("Clara", "Ulm"))
    with pytest.raises(UnreadableFileError, match="no header: none of Bernd, Köln is a column"):
        read_in_turn(connected(), tmp_path, [first, second])
    same = words(("City", "Name"), ("Köln", "Bernd"))
    assert len(read_in_turn(connected(), tmp_path, [first, same])) == 2
    other = words(("Vorname", "Alter"), ("Bernd", "41"))
    assert len(read_in_turn(connected(), tmp_path, [first, other])) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["10.50", "20.00"], ["1.1", "1.9", "1.10"]),
        (["1.250.000", "980.000"], ["1.250.123", "2.980.456"]),
        (["20,00 €", "3,50 €"], ["24,12 €", "31,10 €"]),
        (["99.95", "20.00"], ["24.12", "31.10", "2.11", "3.11"]),
    ],
)
def test_amounts_stay_amounts_where_a_later_file_could_have_codes(tmp_path, first, second):
    rows = read_in_turn(connected(), tmp_path, [text(*first), text(*second)])
    assert all(isinstance(amount, Decimal) for amount, _ in rows)


def test_ids_stay_ids_after_whole_numbers(tmp_path):
    rows = read_in_turn(connected(), tmp_path, [text("732829320"), text("552 100 554")])
    assert [amount for amount, _ in rows] == ["732829320", "552 100 554"]


@pytest.mark.parametrize(
    ("form", "refused"),
    [
        ("number as -1.5", False), ("whole number", False), ("number as -1,5", True),
        ("number shown plainly", True),
    ],
)  # fmt: skip
def test_a_sheet_of_an_older_release_says_nothing_about_its_unit(tmp_path, form, refused):
    (tmp_path / "file.xlsx").write_bytes(book((PERCENT, 0.25)))
    destination = Destination(
        RawTable(source="files", name="file"),
        {"id": "BIGINT", "amount": "DECIMAL(18,2)"},
        tmp_path / "out.parquet",
        {"id": Remembered("id", "whole number"), "amount": Remembered("amount", form)},
    )
    if refused:
        with pytest.raises(UnreadableFileError, match="is in %, and in no unit"):
            parse(connected(), tmp_path / "file.xlsx", destination)
    else:
        assert parse(connected(), tmp_path / "file.xlsx", destination).rows == 1


SAME = b"id,on\n1,01/01/2026\n2,02/02/2026\n"
EITHER = b"id,on\n3,02/03/2026\n"


def test_days_that_are_the_same_in_either_order_say_nothing_about_a_later_file(tmp_path):
    found = read_in_turn(connected(), tmp_path, [SAME, EITHER])
    assert [day for _, day in found] == ["2026-01-01", "2026-02-02", "02/03/2026"]


@pytest.mark.parametrize(
    ("told", "day"),
    [(b"id,on\n4,02/23/2026\n", "2026-02-03"), (b"id,on\n4,23/02/2026\n", "2026-03-02")],
)
def test_the_order_of_days_is_that_of_the_file_that_told_it(tmp_path, told, day):
    for files in ([SAME, told, EITHER], [told, SAME, EITHER], [told, EITHER, SAME]):
        found = dict(read_in_turn(connected(), tmp_path, files))
        assert (str(found[1]), str(found[3])) == ("2026-01-01", day)
