"""Values in typed columns: kept, or refused with a reason; never silently lost."""

import datetime as dt
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.airbyte.columns import column_name, type_of_schema, type_of_values
from ingestion.airbyte.conversion import arrow_type, to_arrow

TYPES = [
    *("bigint", "double", "boolean", "varchar", "json"),
    *("date", "timestamp", "timestamptz", "decimal(18,2)"),
]
INSTANT = dt.datetime(2012, 4, 10, 0, 14, 7, 596313, dt.UTC)
NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5", "1", "true"])
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(), st.integers(), max_size=2)
)


@given(values=st.lists(SCALARS), column_type=st.sampled_from(TYPES))
def test_every_value_is_in_the_array_or_has_a_reason(values, column_type):
    array, bad = to_arrow(values, column_type)
    assert array.type == arrow_type(column_type)
    assert len(array) == len(values)
    for position, value in enumerate(values):
        kept = array[position].is_valid
        assert kept == (value is not None and position not in bad), bad.get(position)


@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_integers_are_exact(values):
    assert to_arrow(values, "bigint")[0].to_pylist() == values


@given(value=st.datetimes(timezones=st.timezones()))
def test_instants_are_kept_to_the_microsecond(value):
    array, bad = to_arrow([value.isoformat()], "timestamptz")
    assert bad or array.to_pylist() == [value.astimezone(dt.UTC)]


@pytest.mark.parametrize(
    ("value", "column_type", "expected"),
    [
        (
            "2012-04-10T00:14:07.596313",
            "timestamptz",
            INSTANT,
        ),
        ("2026-01-31T12:00:00+02:00", "timestamp", NOON.replace(tzinfo=None, hour=10)),
        (12.1, "decimal(18,2)", Decimal("12.10")),
        ("12.10", "decimal(18,2)", Decimal("12.10")),
        (3.0, "bigint", 3),
        ("42", "bigint", 42),
        (7, "double", 7.0),
        (2**60, "double", float(2**60)),
        (Decimal("99.900000000000006"), "double", 99.9),
        (Decimal("0.1000000000000000055511151231257827"), "double", 0.1),
        ("0.5", "double", 0.5),
        ("0", "bigint", 0),
        ("false", "boolean", False),
        (1.75, "varchar", "1.75"),
        (True, "varchar", "true"),
        ({"a": [1]}, "varchar", '{"a":[1]}'),
        ("text", "json", '"text"'),
        ({"n": 2**70}, "json", '{"n": 1180591620717411303424}'),
    ],
)
def test_a_value_in_another_form_is_taken(value, column_type, expected):
    array, bad = to_arrow([None, value], column_type)
    assert not bad
    assert array.to_pylist() == [None, expected]


@pytest.mark.parametrize(
    ("value", "column_type"),
    [
        *((True, "bigint"), (1.5, "bigint"), (2**63, "bigint"), ("", "bigint"), ("1_0", "bigint")),
        *((Decimal("70368744177664.01"), "double"), (2**53 + 1, "double"), ("0042", "bigint")),
        *((float("inf"), "double"), (float("nan"), "double"), ("007.5", "double")),
        *((True, "double"), ("n/a", "double"), ("yes", "boolean"), (1, "boolean")),
        *(("31.01.2026", "date"), (1738324800, "timestamptz"), ("soon", "timestamp")),
        *((12.345, "decimal(18,2)"), (10**17, "decimal(18,2)"), (float("nan"), "decimal(18,2)")),
        ("\ud800", "varchar"),
    ],
)
def test_a_value_that_cannot_be_is_refused_alone(value, column_type):
    good = {"bigint": 1, "double": 1.0, "boolean": True, "varchar": "a", "decimal(18,2)": 1}
    other = good.get(column_type, "2026-01-31")
    array, bad = to_arrow([other, value, other], column_type)
    assert list(bad) == [1]
    assert bad[1].endswith(f"expected {column_type}")
    assert [item.is_valid for item in array] == [True, False, True]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["null", "integer"]}, "bigint"),
        ({"type": "number", "airbyte_type": "integer"}, "bigint"),
        ({"type": "string", "format": "date-time"}, "timestamptz"),
        (
            {
                "type": "string",
                "format": "date-time",
                "airbyte_type": "timestamp_without_timezone",
            },
            "timestamp",
        ),
        ({"type": ["string", "null"], "format": "date"}, "date"),
        ({"type": "string", "format": "email"}, "varchar"),
        ({"type": ["string", "integer"]}, "json"),
        ({"oneOf": [{"type": "null"}, {"type": "boolean"}]}, "boolean"),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, "json"),
        ({}, "json"),
    ],
)
def test_json_schema_gives_the_column_type(schema, expected):
    assert type_of_schema(schema) == expected


@given(values=st.lists(SCALARS))
def test_a_type_from_values_holds_them_all(values):
    found = type_of_values(values)
    if found is None:
        assert all(value is None for value in values)
    elif found != "bigint":  # an integer may be too large for any column but a quarantine
        strings = [
            v
            for v in values
            if not (isinstance(v, str) and not v.isprintable())
            and not (isinstance(v, float) and not math.isfinite(v))
        ]
        assert not to_arrow(strings, found)[1]


def test_columns_are_named_as_the_warehouse_does_and_never_twice():
    taken: list[str] = []
    for field in ("orderId", "order_id", "Order ID", "_id", "9lives", "ÄÖ"):
        taken.append(column_name(field, taken))
    assert taken == ["order_id", "order_id_2", "order_id_3", "id", "n_9lives", "n"]
