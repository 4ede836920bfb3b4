"""Signed amounts, running balances, balances above and below the rows, and lines to skip."""

from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from ingestion.files.conform import Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.reading import finish, stage
from ingestion.files.rules import ReadingRules
from stack.raw import RawTable


def read(folder, text, *, known=None, **rules):
    """The rows of a file, and what the reader says of it."""
    file = folder / "file"
    file.write_text(text, "utf-8")
    declared = ReadingRules.model_validate(rules)
    how = {"header_line": declared.header_line, "delimiter": declared.delimiter}
    staged = stage(file, ReadingRules(**how), known)
    table = RawTable(
        source="files", name="t", description="T.", columns=(), primary_key=(), loader="a",
        platform="file",
    )  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        destination = Destination(table, {}, folder / "rows.parquet", rules=declared)
        parsed = finish(connection, staged, destination)
        found = connection.execute("from read_parquet(?)", [str(parsed.path)])
        names = [name for name, *_ in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()], parsed


def amounts(folder, text, **amount):
    """`amount_signed` of each row, as a layout would derive it."""
    from ingestion.files.rules import AmountRule

    columns = [c for c in ("amount", "paid", "received") if c in text.partition("\n")[0]]
    rows, _ = read(
        folder, text,
        derived={"amount_signed": {"type": "decimal", "sql": AmountRule(**amount).sql}},
        optional=dict.fromkeys(columns, "decimal"),
    )  # fmt: skip
    return [row["amount_signed"] for row in rows]


def test_an_unsigned_amount_takes_its_sign_from_another_column(tmp_path):
    text = "amount;sign\n10.50;Af\n3.00;Bij\n;Bij\n"
    rule = {"column": "amount", "sign_column": "sign", "money_in": ["Bij"], "money_out": ["Af"]}
    assert amounts(tmp_path, text, **rule) == [Decimal("-10.5"), Decimal(3), None]


def test_a_sign_that_is_not_known_refuses_the_file(tmp_path):
    rule = {"column": "amount", "sign_column": "sign", "money_in": ["H"], "money_out": ["S"]}
    with pytest.raises(UnreadableFileError, match="column sign has a sign that isn't known: X"):
        amounts(tmp_path, "amount;sign\n10.50;S\n3.00;X\n", **rule)


def test_a_charge_that_is_positive_is_turned(tmp_path):
    text = "amount;what\n10.50;a book\n-3.00;a refund\n"
    found = amounts(tmp_path, text, column="amount", sign="charge_positive")
    assert found == [Decimal("-10.5"), Decimal(3)]


@pytest.mark.parametrize(("paid", "sign"), [("10.50", "positive"), ("-10.50", "negative")])
def test_two_columns_make_one_amount(tmp_path, paid, sign):
    text = f"what;paid;received\na;{paid};\nb;;3.00\nc;;\n"
    found = amounts(tmp_path, text, credit="received", debit="paid", debit_sign=sign)
    assert found == [Decimal("-10.5"), Decimal(3), None]


BALANCE = {"balance": {"balance": "balance", "amount": "amount"}}


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_a_running_balance_that_holds_breaks_nothing(tmp_path, order):
    rows = ["1;10.00;110.00", "2;-5.00;105.00", "3;1.00;", "4;2.00;108.00"]
    body = "\n".join(rows if order == "ascending" else rows[::-1])
    _, parsed = read(tmp_path, f"n;amount;balance\n{body}\n", **BALANCE)
    assert parsed.breaks == ()


def test_a_broken_balance_is_named_with_its_first_line(tmp_path):
    text = "n;amount;balance\n1;10.00;110.00\n2;-5.00;105.00\n3;2.00;117.00\n4;2.00;120.00\n"
    _, parsed = read(tmp_path, text, **BALANCE)
    assert parsed.breaks == (
        "line 4: balance is 117.00, and by the rows before it should be 107.00, and 1 more don't "
        "follow",
    )


def test_each_account_has_a_balance_of_its_own(tmp_path):
    text = "iban;amount;balance\nA;10.00;110.00\nB;5.00;15.00\nA;-5.00;105.00\nB;1.00;16.00\n"
    rule = {"balance": {"balance": "balance", "amount": "amount", "within": ["iban"]}}
    assert read(tmp_path, text, **rule)[1].breaks == ()
    assert read(tmp_path, text, **BALANCE)[1].breaks != ()


TOTALS = {
    "delimiter": ";",
    "header_line": 2,
    "footer": ["New balance"],
    "totals": {
        "amount": "amount",
        "opening": "^Old balance;(?P<amount>[-0-9.,]+);?(?P<minus>S)?",
        "closing": "^New balance;(?P<amount>[-0-9.,]+)",
    },
    "decimal": ",",
}


@pytest.mark.parametrize(("old", "breaks"), [("-1.000,00", 0), ("1.000,00;S", 0), ("1.000,00", 1)])
def test_the_balances_around_the_rows_agree_with_them(tmp_path, old, breaks):
    text = f"Old balance;{old}\nday;text;amount;more\n1;a;1.100,00;x\n2;b;-0,50;x\n"
    _, parsed = read(tmp_path, text + "New balance;99,50\n", **TOTALS)
    assert len(parsed.breaks) == breaks
    if breaks:
        assert parsed.breaks[0].endswith(
            "to 2,099.50, and the file states 99.50 as the closing one"
        )
    assert [row.expected for row in parsed.aside] == [True]


def test_a_row_that_is_left_out_says_nothing_about_types(tmp_path):
    text = "day;amount;state\nopen;?;pending\n31.01.2025;1,50;booked\n01.02.2025;2,00;booked\n"
    rows, parsed = read(tmp_path, text, skip={"state": ["pend*"]})
    assert [row["day"] for row in rows] == [date(2025, 1, 31), date(2025, 2, 1)]
    assert [row["amount"] for row in rows] == [Decimal("1.5"), Decimal(2)]
    assert [(row.line, row.expected) for row in parsed.aside] == [(2, True)]
    assert parsed.records == 3


def test_a_day_that_others_are_made_of_has_to_be_one(tmp_path):
    text = "day;amount\n31.01.2025;1,50\nsoon;2,00\n01.02.2025;2,00\n"
    with pytest.raises(UnreadableFileError, match=r"column day: .* line 3 has 'soon'"):
        read(
            tmp_path, text, optional={"day": "date"},
            derived={"booking_day": {"type": "date", "sql": "day"}},
        )  # fmt: skip


def test_rows_of_a_known_layout_may_leave_the_last_columns_out(tmp_path):
    text = "a;b;c;d\n1;x\n2;y\n"
    rows, parsed = read(tmp_path, text, known=lambda names: list(names)[:2] == ["a", "b"])
    assert rows == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert parsed.aside == ()


@pytest.mark.parametrize("zone", [" +0000", " +00", " Z", "+00:00", "UTC", " UTC"])
def test_times_are_read_however_their_zone_is_written(tmp_path, zone):
    rows, _ = read(tmp_path, f"n,at\n1,2018-02-01 23:58{zone}\n2,2018-02-03 09:10{zone}\n")
    assert [row["at"].astimezone(tz=None) for row in rows] == [
        datetime.fromisoformat(f"2018-02-0{at}+00:00") for at in ("1T23:58", "3T09:10")
    ]
