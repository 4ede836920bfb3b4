"""Every class of bad data is caught by the expectations meant for it, and by no others."""

from collections import Counter
from pathlib import Path

import pytest

from integration.quality.books import (
    make_models,
    not_met,
    validate,
    write_books,
    write_raw_books,
)
from integration.quality.wrongs import IN_THE_MARTS, IN_THE_RAW_TABLES, Wrong
from quality.declarations import Kind
from quality.results import Validation
from stack.settings import WarehouseSettings, load_settings

WRONGS = [*IN_THE_RAW_TABLES, *IN_THE_MARTS]


def expected_counts(validation: Validation) -> dict[str, int]:
    """Rows that break each expectation; a measure is one number, however wrong."""
    total = Counter[str]()
    for wrong in WRONGS:
        total.update(wrong.noticed)
    for result in validation.results:
        name = f"{result.table}: {result.expectation.name}"
        if result.expectation.kind is Kind.MEASURE and name in total:
            total[name] = 1
    return total


@pytest.mark.parametrize("wrong", WRONGS, ids=lambda wrong: wrong.name)
def test_bad_data_is_noticed(wrong: Wrong, everything_wrong: Validation) -> None:
    found, expected = not_met(everything_wrong), expected_counts(everything_wrong)
    for check in wrong.noticed:
        assert found.get(check) == expected[check], check


def test_nothing_else_is_noticed(everything_wrong: Validation) -> None:
    assert set(not_met(everything_wrong)) == set(expected_counts(everything_wrong))


def test_a_failure_shows_the_rows_by_key_and_a_query_that_finds_them(
    everything_wrong: Validation,
) -> None:
    by_name = {f"{r.table}: {r.expectation.name}": r for r in everything_wrong.failures}
    negative = by_name["raw.books_time_entries: expect_column_values_to_be_between__minutes"]
    assert [dict(row) for row in negative.rows] == [{"time_entry_id": 11, "minutes": -30}]
    assert negative.sql
    assert negative.sql.startswith('select "time_entry_id", "minutes" from')
    assert negative.element_count == 301


@pytest.mark.parametrize(
    "wrong",
    [w for w in IN_THE_RAW_TABLES if w.name in ("tax with the wrong sign", "invoice overpaid")],
    ids=lambda wrong: wrong.name,
)
def test_one_wrong_alone_fails_exactly_what_is_meant_for_it(wrong: Wrong, stack_home: Path) -> None:
    tables = ("raw.books_invoices", "raw.books_payments", "marts.receivables_ageing")
    validation = validate(write_books(wrong.sql), *tables)
    assert not_met(validation) == wrong.noticed
    assert not validation.success


def test_a_warning_does_not_fail_the_validation(stack_home: Path) -> None:
    wrong = next(w for w in IN_THE_RAW_TABLES if w.name == "country spelt out")
    validation = validate(write_raw_books(wrong.sql), "raw.books_clients")
    assert not_met(validation) == wrong.noticed
    assert validation.success


def test_an_empty_warehouse_meets_everything(stack_home: Path) -> None:
    settings = load_settings(WarehouseSettings)
    make_models(settings)
    validation = validate(settings)
    assert not_met(validation) == {}
    assert set(validation.row_counts.values()) == {0}
