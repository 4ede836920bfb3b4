"""What a layout may say about a file besides its columns."""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from ingestion.files.conform import Destination
from ingestion.files.reading import finish, stage
from ingestion.files.rules import DerivedRule, ReadingRules
from ingestion.incoming.tables import raw_table_of
from support.incoming import Incoming
from support.layouts import ReadSample, sample_of

BALANCES = "day,amount,fee,net\n2026-01-01,10.00,1.00,9.00\n2026-01-02,20.00,2.00,17.00\n"


@pytest.fixture
def read(tmp_path):
    """Reads text by rules: what was parsed, and its rows."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")

    def read(text: str, rules: ReadingRules, name: str = "a", columns=None):
        file = tmp_path / f"{name}.csv"
        file.write_text(text)
        key = ("_row_key",) if rules.occurrence else ()
        target = tmp_path / f"{name}.parquet"
        table = raw_table_of("files_a", {}, key)
        parsed = finish(
            connection, stage(file, rules), Destination(table, columns or {}, target, rules=rules)
        )
        rows = connection.execute(f"select * from read_parquet('{parsed.path}')")
        names = [column[0] for column in rows.description or ()]
        return parsed, [dict(zip(names, row, strict=True)) for row in rows.fetchall()]

    return read


def test_a_check_that_breaks_is_named_with_its_line(read):
    parsed, rows = read(
        BALANCES, ReadingRules(checks={"fee and net are the amount": "amount-fee = net"})
    )
    assert len(rows) == 2
    told = "whether fee and net are the amount can't be checked"
    assert parsed.breaks[0].startswith(told)  # text has no minus: the columns aren't declared
    columns = {name: {"type": "decimal"} for name in ("amount", "fee", "net")}
    rules = ReadingRules.model_validate(
        {
            "columns": columns,
            "checks": {"fee and net are the amount": "amount - fee = net"},
            "optional": dict.fromkeys(columns, "decimal"),
        }
    )
    parsed, _ = read(BALANCES, rules, "b")
    assert parsed.breaks == ("line 3: it doesn't hold: fee and net are the amount",)


def test_a_check_that_names_an_absent_column_of_the_layout_holds(read):
    rules = ReadingRules(checks={"x": "tax >= 0"}, optional={"tax": "decimal"})
    assert read(BALANCES, rules)[0].breaks == ()


def test_a_column_is_made_of_others_and_of_the_lines_above(read):
    text = "Account;Ada;\nYear;2026;\n\nday;what;side\n3112;a;S\n0101;b;H\n"
    rules = ReadingRules(
        header_line=4,
        preamble={"year": r"^Year;(\d{4})", "absent": "^Nothing;(.*)"},
        derived={
            "on": DerivedRule(type="date", sql="strptime(lpad(day, 4, '0') || year, '%d%m%Y')"),
            "sign": DerivedRule(type="integer", sql="case side when 'S' then 1 else -1 end"),
            "before": DerivedRule(type="text", sql="lag(what) over (order by _line)"),
        },
        optional={"year": "text"},
    )
    _, rows = read(text, rules)
    found = [(row["on"], row["sign"], row["before"], row["year"]) for row in rows]
    assert found == [(date(2026, 12, 31), 1, None, "2026"), (date(2026, 1, 1), -1, "a", "2026")]


def test_rows_are_left_out_by_the_begin_of_a_value(read):
    text = "account,amount\nBank,1.50\nTotal for Bank,1.50\nTotally fine,2.50\n50% off_,1.00\n"
    parsed, rows = read(text, ReadingRules(skip={"account": ("Total for *", "50% o*_")}))
    assert [row["account"] for row in rows] == ["Bank", "Totally fine"]
    assert [row.line for row in parsed.aside] == [3, 5]


def test_a_row_keeps_its_key_when_its_column_gets_more_digits(read):
    rules = ReadingRules(key=("day", "amount"), occurrence=True)
    _, before = read("day,amount\n2026-01-01,20.5\n2026-01-01,20.5\n", rules)
    _, after = read("day,amount\n2026-01-01,20.50\n2026-01-01,20.50\n2026-01-02,7.25\n", rules, "b")
    assert {row["_row_key"] for row in before} < {row["_row_key"] for row in after}
    assert len({row["_row_key"] for row in after}) == 3


def test_a_zone_without_a_colon_is_one(read):
    _, rows = read("at,what\n2026-01-01 00:30:00 +0100,a\n", ReadingRules())
    assert rows[0]["at"] == datetime(2025, 12, 31, 23, 30, tzinfo=UTC)


def test_days_that_nothing_decides_feed_nothing_and_say_so(tmp_path):
    sample = tmp_path / "sample.csv"
    text = sample_of("clockify_detailed").read_text().replace("/13/2026", "/03/2026")
    sample.write_text(text.replace("03/31/2026", "03/04/2026"))
    (tmp_path / "in").mkdir()
    fed, failed = ReadSample(sample, tmp_path / "in").fed
    assert "time_entries" not in fed
    assert any("declare dates: dmy or mdy" in told and "start_date" in told for told in failed)


def test_a_declared_order_of_days_keeps_the_layout(stack_home, monkeypatch):
    folder = stack_home / "files"
    folder.mkdir(parents=True)
    monkeypatch.setenv("FILES_DIR", str(folder))
    (folder / "clockify.yml").write_text("tables: [clockify_detailed]\nread: {dates: dmy}\n")
    incoming = Incoming(stack_home)
    text = sample_of("clockify_detailed").read_text().replace("/13/2026", "/03/2026")
    incoming.drop("report.csv", text.replace("03/31/2026", "03/04/2026"))
    incoming.process()
    found = incoming.rows("select distinct worked_on from exports_time_entries order by 1")
    assert found == [(date(2026, 2, 3),), (date(2026, 3, 3),), (date(2026, 4, 3),)]
    assert incoming.rows("select sum(duration_decimal) from files_clockify_detailed") == [
        (Decimal("4.58"),)
    ]
