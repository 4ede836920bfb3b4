"""A column has a type only if that keeps each of its values as written."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.files.proof import prove, text_of
from ingestion.files.records import Records
from ingestion.files.rules import NOTHING_DECLARED, ColumnRule, ReadingRules
from support.parsing import connected


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return connected()


@pytest.mark.parametrize(
    ("texts", "type_", "values"),
    [
        (["-0.00", "1.00"], "DECIMAL(18,2)", ["0.00", "1.00"]),
        (["123456789012345678.12", "1.10"], "DECIMAL(38,2)", ["123456789012345678.12", "1.10"]),
        (["1.234", "2.345,5"], "DECIMAL(18,1)", ["1234.0", "2345.5"]),
        (["1,50", "-2,25"], "DECIMAL(18,2)", ["1.50", "-2.25"]),
        (["2026-11-01 08:15:30"], "TIMESTAMP", ["2026-11-01 08:15:30"]),
        (["2026-11-01 08:15:30.5"], "TIMESTAMP", ["2026-11-01 08:15:30.500000"]),
        (["2026-11-01 8:15:30"], "TIMESTAMP", ["2026-11-01 08:15:30"]),
        (["12,50-", "3,00"], "DECIMAL(18,2)", ["-12.50", "3.00"]),
        (["(1,234.50)", "5.00"], "DECIMAL(18,2)", ["-1234.50", "5.00"]),
        (["€1.234,50", "-€2,00"], "DECIMAL(18,2)", ["1234.50", "-2.00"]),
        (["1'234.50", "2.00"], "DECIMAL(18,2)", ["1234.50", "2.00"]),
        (["1\u00a0234,50", "2,00"], "DECIMAL(18,2)", ["1234.50", "2.00"]),
        (["10 %", "-5 %"], "DECIMAL(18,0)", ["10", "-5"]),
        (["13/02/2026", "01/03/2026"], "DATE", ["2026-02-13", "2026-03-01"]),
        (["31.12.70", "01.01.39"], "DATE", ["1970-12-31", "2039-01-01"]),
        (["1 November, 2026"], "DATE", ["2026-11-01"]),
        (["2026-11-01 08:15:30 +0100"], "TIMESTAMP WITH TIME ZONE", ["2026-11-01 07:15:30+00:00"]),
        (["2026-11-01T08:15Z"], "TIMESTAMP WITH TIME ZONE", ["2026-11-01 08:15:00+00:00"]),
        (["2026-11-01 08:15:30 UTC"], "TIMESTAMP WITH TIME ZONE", ["2026-11-01 08:15:30+00:00"]),
        (["TRUE", "false"], "BOOLEAN", ["True", "False"]),
        (["03.11.25", "28.12.25", "05.01.26"], "DATE", ["2025-11-03", "2025-12-28", "2026-01-05"]),
        (["25.01.23", "25.02.24", "25.03.25"], "DATE", ["2023-01-25", "2024-02-25", "2025-03-25"]),
        (["99/12/31", "99/12/01"], "DATE", ["1999-12-31", "1999-12-01"]),
        (["1.250.000", "980.000"], "DECIMAL(18,0)", ["1250000", "980000"]),
        (["1.250.000", "2.500.000"], "DECIMAL(18,0)", ["1250000", "2500000"]),
        (["24.12", "31.10"], "DECIMAL(18,2)", ["24.12", "31.10"]),
        (["1.5", "7.50", "2.25"], "DECIMAL(18,2)", ["1.50", "7.50", "2.25"]),
        (["1.5", "1.50", "2.75"], "DECIMAL(18,2)", ["1.50", "1.50", "2.75"]),
        (["19.90", "5.00", "12.5", "12.50"], "DECIMAL(18,2)", ["19.90", "5.00", "12.50", "12.50"]),
        (["+12,50", "+3,00"], "DECIMAL(18,2)", ["12.50", "3.00"]),
        (["1 234 567,50"], "DECIMAL(18,2)", ["1234567.50"]),
        (["1.234,50 kr.", "-2,00 kr."], "DECIMAL(18,2)", ["1234.50", "-2.00"]),
        (["R$ 1.234,56", "-R$ 2,00"], "DECIMAL(18,2)", ["1234.56", "-2.00"]),
        (["₹1,23,456.50", "₹12,34,56,789.00", "₹5,000.00"], "DECIMAL(18,2)",
         ["123456.50", "123456789.00", "5000.00"]),
        (["1,23,456", "5,000"], "DECIMAL(18,0)", ["123456", "5000"]),
        (["¥1,234", "¥12,000"], "DECIMAL(18,0)", ["1234", "12000"]),
        (["1.234 Ft", "-12.000 Ft"], "DECIMAL(18,0)", ["1234", "-12000"]),
        (["1,234円", "500円"], "DECIMAL(18,0)", ["1234", "500"]),
        (["1.234,50 TL", "7,00 TL"], "DECIMAL(18,2)", ["1234.50", "7.00"]),
        (["1 234,50 грн", "7,00 грн"], "DECIMAL(18,2)", ["1234.50", "7.00"]),
        (["(1)", "2"], "DECIMAL(18,0)", ["-1", "2"]),
        (["(1.50)", "(2.25)"], "DECIMAL(18,2)", ["-1.50", "-2.25"]),
    ],
)  # fmt: skip
def test_values_in_one_form_get_its_type(connection, tmp_path, texts, type_, values):
    assert _proven(connection, tmp_path, texts) == (type_, values)


@pytest.mark.parametrize(
    "texts",
    [
        ["1.234", "2.345"], ["1,5", "1.5"], ["007", "1"], ["12345678901234567890"], ["1E5"], ["NO"],
        ["T", "F"], ["+49123", "+49456"], ["NaN", "1"], ["1/2/26"], ["13/02/2026", "02/13/2026"],
        ["2026-02-30"], ["29.02.2025"], ["2026-11-01 24:00:00"], ["2026-11-01T08:15:00+25:00"],
        ["2026-11-01 08:15:30.1234567"], ["25:30:00"], ["####"], ['="01067"'], ["'0123"],
        ["\u200b5", "6"], [" 5", "6"], ["5\n", "6"], ["5 EUR", "6 USD"], ["1.000,00", "12.34,00"],
        ["5-", "-5"], ["true", "1"], ["00.5", "1.5"], ["31.12.68", "01.03.05"], ["13/01/55"],
        ["24.12", "31.10", "2.11", "3.11"], ["10.2026", "11.2026"], ["2026.10", "2026.11"],
        ["1.1", "1.9", "1.10"], ["1.8", "1.9", "1.10", "1.11"], ["5 %", "0.05"],
        ["+49.301234567", "+1.2125551234"],
        ["25.11.03", "25.11.17", "25.12.28"], ["25/11/03", "25/12/17"],
        ["732 829 320", "552 100 554"], ["51\u00a0824\u00a0753\u00a0556"],
        ["555.123.456", "555.765.432"], ["12.345.678", "23.456.781"],
        ["05/03/2569", "31/03/2569"], ["2569-03-05"], ["2568-03-05 10:00:00"], ["5 Mar 2569"],
        ["(1)", "(2)"], ["TL100", "TL200"],
        ["€1,234", "€12,000"], ["1,234.50 €", "1,23,4.50 €"], ["5 R$", "5 US$"], ["1,2,345", "7"],
    ],
)  # fmt: skip
def test_values_that_could_be_something_else_stay_text(connection, tmp_path, texts):
    assert _proven(connection, tmp_path, texts) == ("VARCHAR", texts)


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("Phone", ["176 123 456", "30 123 456"]), ("PIN Code", ["110 001", "560 034"]),
        ("Kundennummer", ["10.001,5", "7,5"]), ("Rechnungsnr.", ["2026.001", "2026.010"]),
        ("Invoice number", ["2026.001", "7"]), ("customer_id", ["1,234.5", "7"]),
    ],
)  # fmt: skip
def test_a_header_says_that_digits_are_a_name(connection, tmp_path, header, texts):
    assert _proven(connection, tmp_path, texts, header=header) == ("VARCHAR", texts)
    assert _proven(connection, tmp_path, texts, header="Amount")[0] != "VARCHAR"


@pytest.mark.parametrize("header", ["Nr.", "App version", "Kapitel", "Section", "Pos"])
@pytest.mark.parametrize("texts", [["1.5", "1.50", "2.75"], ["1.9", "1.10"], ["1", "1.1", "2.1"]])
def test_a_header_says_that_numbers_are_of_versions_or_parts(connection, tmp_path, header, texts):
    assert _proven(connection, tmp_path, texts, header=header) == ("VARCHAR", texts)


LIKE_CODES = [
    ["1.1", "1.9", "1.10"], ["24.12", "31.10", "2.11", "3.11"], ["1.250.123", "2.980.456"],
    ["10.2026", "11.2026"],
]  # fmt: skip


@pytest.mark.parametrize("texts", LIKE_CODES)
@pytest.mark.parametrize("type_", ["decimal", "double"])
def test_a_column_declared_as_a_number_has_no_codes(connection, tmp_path, texts, type_):
    rules = ReadingRules(columns={"name": ColumnRule(type=type_)})
    assert _proven(connection, tmp_path, texts, rules=rules)[0].startswith("DECIMAL")


def test_a_declared_decimal_mark_says_that_a_column_is_of_numbers(connection, tmp_path):
    rules = ReadingRules(columns={"name": ColumnRule(decimal=".")})
    texts = ["24.12", "31.10", "2.11", "3.11"]
    assert _proven(connection, tmp_path, texts, rules=rules) == ("DECIMAL(18,2)", texts)


def test_a_year_in_front_is_read_where_it_is_declared(connection, tmp_path):
    rules = ReadingRules(dates="ymd")
    found = _proven(connection, tmp_path, ["25.11.03", "25.11.17"], rules=rules)
    assert found == ("DATE", ["2025-11-03", "2025-11-17"])


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        ("2026-11-01 08:15:{:02}", "infinity"), ("2026-11-01 08:15:{:02}", "2026-11-31 08:15:00"),
        ("2026-11-01 08:15:{:02}", "12026-11-01 08:15:00"), ("{},50", "1.50"),
        ("{},50", "1.000,50"), ("{}.50", "1,50"), ("{}", "007"), ("{:02}.11.2026", "31.11.2026"),
        ("2026-11-{:02}", "2569-11-01"), ("2026-11-01 08:15:{:02}", "2569-11-01 08:15:00"),
    ],
)  # fmt: skip
def test_one_odd_value_far_below_the_sample_changes_what_a_column_is(
    connection, tmp_path, usual, odd
):
    texts = [usual.format(n % 28 + 1) for n in range(5_000)]
    assert _proven(connection, tmp_path, texts)[0] != "VARCHAR"
    type_, values = _proven(connection, tmp_path, [*texts, odd])
    if odd == "1.000,50":
        assert (type_, values[-1]) == ("DECIMAL(18,2)", "1000.50")
    else:
        assert (type_, values[-1]) == ("VARCHAR", odd)


@pytest.mark.parametrize(
    ("remembered", "value"),
    [
        ("number as -1,5", "1.234"), ("number with a comma and 2 digits after it", "1.234"),
        ("number as -1.234,5", "1.234"), ("number as -1.5", "1234"),
        ("number with a point and 2 digits after it", "1234"), ("number as -1,234.5", "1234"),
    ],
)  # fmt: skip
def test_the_mark_that_a_table_is_known_for_decides_what_fits_twice(
    connection, tmp_path, remembered, value
):
    assert _proven(connection, tmp_path, ["1,234"], remembered)[1] == [value]


def _proven(
    connection,
    folder,
    texts: list[str],
    remembered: str = "",
    rules: ReadingRules = NOTHING_DECLARED,
    *,
    header: str = "name",
) -> tuple[str, list[str]]:
    path = folder / "records.parquet"
    pq.write_table(pa.table({"c0": pa.array(texts, pa.string())}), path)
    records = Records(path, (header,), len(texts), len(texts))
    (found,) = prove(connection, records, rules, remembered={0: remembered})
    rows = connection.execute(
        f"select {found.value(text_of(0))} from read_parquet('{path}')"
    ).fetchall()
    return found.type, [str(value) for (value,) in rows]
