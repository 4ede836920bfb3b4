"""A value is stored unchanged in a raw table, or not at all."""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.files.types import column_type, converted, refused


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return connection


def convert(connection, text: str | None, target: str):
    """The value that the table gets, or the word refused."""
    condition = refused("v", target) or "false"
    value, bad = connection.execute(
        f"select {converted('v', target)}, {condition} from (select ?::varchar as v)", [text]
    ).fetchone()
    return "refused" if bad else value


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("15", "BIGINT", 15),
        ("15.0", "BIGINT", 15),
        ("15.5", "BIGINT", "refused"),
        ("n/a", "BIGINT", "refused"),
        ("", "BIGINT", "refused"),
        ("99999999999999999999", "BIGINT", "refused"),
        ("12.30", "DECIMAL(18,2)", Decimal("12.30")),
        ("12.3", "DECIMAL(18,2)", Decimal("12.30")),
        ("12.305", "DECIMAL(18,2)", "refused"),
        ("0.30000000000000004", "DECIMAL(18,2)", Decimal("0.30")),
        ("1.234,50", "DECIMAL(18,2)", "refused"),
        ("0.920000", "DECIMAL(18,6)", Decimal("0.92")),
        ("0.9200001", "DECIMAL(18,6)", "refused"),
        ("2025-03-01", "DATE", date(2025, 3, 1)),
        ("2025-03-01 00:00:00", "DATE", date(2025, 3, 1)),
        ("2025-03-01 10:00:00", "DATE", "refused"),
        ("31.12.2025", "DATE", "refused"),
        ("2025-02-30", "DATE", "refused"),
        ("2025-03-01 10:00:00", "TIMESTAMP", datetime.fromisoformat("2025-03-01T10:00")),
        ("2025-03-01T10:00:00Z", "TIMESTAMP", datetime.fromisoformat("2025-03-01T10:00")),
        ("2025-03-01T10:00:00+02:00", "TIMESTAMP", datetime.fromisoformat("2025-03-01T08:00")),
        ("yesterday", "TIMESTAMP", "refused"),
        ("true", "BOOLEAN", True),
        ("maybe", "BOOLEAN", "refused"),
        ('{"a": 1}', "JSON", '{"a": 1}'),
        ("{a", "JSON", "refused"),
        ("anything", "VARCHAR", "anything"),
        (None, "BIGINT", None),
        (None, "DECIMAL(18,2)", None),
        (None, "JSON", None),
    ],
)
def test_a_value_is_converted_without_loss_or_refused(connection, text, target, expected):
    assert convert(connection, text, target) == expected


def test_a_time_with_a_zone_keeps_its_instant(connection):
    got = convert(connection, "2025-03-01T10:00:00+02:00", "TIMESTAMP WITH TIME ZONE")
    assert got == datetime(2025, 3, 1, 8, tzinfo=UTC)


@given(st.decimals(-(10**15), 10**15, allow_nan=False, places=4))
def test_an_amount_is_never_rounded_silently(connection, amount):
    got = convert(connection, str(amount), "DECIMAL(18,2)")
    assert got == (amount if amount == round(amount, 2) else "refused")


@given(st.integers(-(2**70), 2**70))
def test_a_number_is_never_wrapped_silently(connection, number):
    fits = -(2**63) <= number < 2**63
    # The exact comparison has 28 digits before the point, all that an int64 needs.
    assert convert(connection, str(number), "BIGINT") == (number if fits else "refused")


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        ("TINYINT", "BIGINT"),
        ("UINTEGER", "BIGINT"),
        ("HUGEINT", "VARCHAR"),
        ("FLOAT", "DOUBLE"),
        ("DECIMAL(10,2)", "DECIMAL(10,2)"),
        ("TIMESTAMP_NS", "TIMESTAMP"),
        ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("STRUCT(a BIGINT)", "JSON"),
        ("VARCHAR[]", "JSON"),
        ("UUID", "VARCHAR"),
        ("ENUM('a', 'b')", "VARCHAR"),
    ],
)
def test_a_new_column_gets_a_type_with_room_for_later_files(found, kept):
    assert column_type(found) == kept
