"""Which of two values of a cursor is later, however each of them is written."""

import sqlite3
from decimal import Decimal

import pytest

from ingestion.sources.order import UnorderedError, alike, is_ordered, latest

# The second of each pair is the later one.
PAIRS = [
    (5, 6),
    (1.5, 2),
    (Decimal("0.1"), Decimal("0.11")),
    (2**53, 2**53 + 1),
    (1767225600, 1767225601000),
    ("9", "10"),
    ("9.5", "10.25"),
    (5, "6"),
    ("2026-01-05", "2026-01-06"),
    ("2026-01-05 10:00:00", "2026-01-05T11:00:00"),
    ("2026-01-05T10:00:00", "2026-01-05 11:00"),
    ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00.5Z"),
    ("2026-01-05T10:00:00.1234567Z", "2026-01-05T10:00:00.12345671Z"),
    ("2026-01-05T10:00:00+02:00", "2026-01-05T09:30:00Z"),
    ("2026-01-05T10:00:00+0200", "2026-01-05 09:30:00 UTC"),
    ("2026-03-29T01:59:00+01:00", "2026-03-29T03:00:00+02:00"),
    ("2026-01-05T10:00:00Z", "2026-01-06T10:00:00"),
    ("2026/01/05", "2026/01/06"),
    ("01HV3ZQ4N0", "01HV3ZQ4N1"),
    ("65a1b2c3", "65a1b2d0"),
    ("12345678", "1234567a"),
    ("INV-2026-0009", "INV-2026-0010"),
]


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_the_later_value_wins_from_either_side(earlier, later):
    assert latest((later, earlier)) == later
    assert latest((earlier, later)) == later


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("2026-01-05T12:00:00+02:00", "2026-01-05T10:00:00Z"),
        ("2026-01-05T09:00:00", "2026-01-05T10:00:00Z"),
        ("2026-01-05", "2026-01-05T10:00:00Z"),
        ("INV-10", "INV-9"),
        ("B1", "a1"),
        (7.0, 7),
    ],
)
def test_a_row_that_may_be_as_late_as_the_last_one_is_read(new, old):
    assert latest((new, old)) is new


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "31.12.2025",
        "12/31/2025",
        "31-12-2025",
        "5 Mar 2026",
        "31-Dec-2025",
        float("inf"),
    ],
)
def test_a_row_whose_value_has_no_order_is_read_and_moves_nothing(value):
    assert latest((value, "2026-01-05")) == "2026-01-05"
    assert latest((value,)) == "2026-01-05"
    assert latest(("2026-01-05", value)) == "2026-01-05"
    assert not is_ordered(value)


@pytest.mark.parametrize("values", [(True,), ({"at": 1},), ("2026-01-05", 1767225600), ("x", 1)])
def test_values_of_kinds_without_an_order_are_refused(values):
    with pytest.raises(UnorderedError):
        latest(values)


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        ("2026-01-05T10:00:00+02:00", "2026-02-06T11:11:11+02:00", "2026-02-06T11:11:11+01:00"),
        ("2026-01-05 10:00:00", "2026-02-06 11:11:11", "2026-02-06T11:11:11"),
        ("99", "10", "100"),
        ("0a[1]*", "f9[a]*", "0a[1]b"),
    ],
)
def test_texts_are_alike_if_their_order_is_that_of_their_values(value, same, other):
    with sqlite3.connect(":memory:") as database:
        found = database.execute(
            "select ? glob ?, ? glob ?", (same, alike(value), other, alike(value))
        )
        assert found.fetchone() == (1, 0)
