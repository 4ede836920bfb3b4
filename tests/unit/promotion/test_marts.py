"""The difference in data, checked against a naive comparison of the same rows."""

import math
from collections import Counter
from decimal import Decimal

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.chart_values_page import ROOT
from scripts.promotion.images import PromotionError
from scripts.promotion.marts import Shown, compare
from scripts.promotion.marts_told import declared_keys, diff_marts, markdown
from support.examples import examples

COLUMNS = "id integer, name varchar, amount decimal(18,2), share double, day date"
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 4)),
        st.sampled_from([None, "Ann", "Bob", ""]),
        st.one_of(st.none(), st.decimals(-9, 9, places=2)),
        st.sampled_from([None, 0.0, 0.1, 0.3, 0.1 + 0.2, math.nan, math.inf]),
        st.none(),
    ),
    max_size=6,
)


def made(file, rows, columns=COLUMNS, table="cash_in"):
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema if not exists marts")
        connection.execute(f"create or replace table marts.{table} ({columns})")
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"insert into marts.{table} values ({marks})", rows)
    return file


def difference(folder, before, after, key=("id",), shown=Shown()):  # noqa: B008
    old, new = made(folder / "b.duckdb", before), made(folder / "a.duckdb", after)
    (found,) = compare(old, new, {"cash_in": key}, shown=shown)
    return found


def naive(before, after):
    """Added, gone and changed rows; changed is None where the first column is no key."""
    before, after = ([tuple(map(repr, row)) for row in rows] for rows in (before, after))
    ids = [[row[0] for row in rows] for rows in (before, after)]
    if any(len(set(one)) < len(one) or "None" in one for one in ids):
        old, new = Counter(before), Counter(after)
        return (new - old).total(), (old - new).total(), None
    old, new = {row[0]: row for row in before}, {row[0]: row for row in after}
    changed = sum(old[one] != new[one] for one in old.keys() & new.keys())
    return len(new.keys() - old.keys()), len(old.keys() - new.keys()), changed


@settings(max_examples=examples(30))  # each makes two files
@given(ROWS, ROWS)
def test_counts_are_those_of_a_naive_comparison(tmp_path_factory, before, after):
    found = difference(tmp_path_factory.mktemp("marts"), before, after)
    added, gone, changed = naive(before, after)
    assert (found.added, found.gone) == (added, gone)
    assert (found.changed if found.key else None) == changed
    assert (found.before, found.after) == (len(before), len(after))
    (total,) = [total for total in found.totals if total.column == "amount"]
    for said, rows in ((total.before, before), (total.after, after)):
        amounts = [row[2] for row in rows if row[2] is not None]
        assert said == (sum(amounts) if amounts else None)
    assert found.same == (not (added or gone or changed))


def test_floats_are_compared_to_the_last_digit(tmp_path):
    rows = [(1, "Ann", Decimal("1.00"), 0.3, None)], [(1, "Ann", Decimal("1.00"), 0.1 + 0.2, None)]
    found = difference(tmp_path, *rows)
    assert found.columns == {"share": 1}
    assert found.rows == (("changed", "id 1", "share", "0.3", "0.30000000000000004"),)


def test_what_is_written_in_text_is_not_shown_unless_asked_for(tmp_path):
    before, after = ([(1, name, None, None, None)] for name in ("Ann Smith", "Bob Jones"))
    shown = markdown([difference(tmp_path, before, after)])
    assert "Smith" not in shown
    assert "Jones" not in shown
    assert "| changed | id 1 | name | (text) | (text) |" in shown
    again = markdown([difference(tmp_path, before, after, shown=Shown(text=True))])
    assert "| changed | id 1 | name | Ann Smith | Bob Jones |" in again


def test_a_key_of_text_is_not_shown_either(tmp_path):
    (row,) = difference(tmp_path, [], [(1, "Ann Smith", None, None, None)], key=("name",)).rows
    assert row[:2] == ("added", "name (text)")


def test_of_many_rows_some_are_shown_and_all_are_counted(tmp_path):
    before = [(n, "x", Decimal(n), 0.0, None) for n in range(500)]
    after = [(n, "x", Decimal(n) + 1, 0.0, None) for n in range(500)]
    found = difference(tmp_path, before, after, shown=Shown(rows=3))
    assert found.changed == 500
    assert [row[1] for row in found.rows] == ["id 0", "id 1", "id 2"]


def test_tables_and_columns_that_come_go_or_change_are_told(tmp_path):
    old = made(tmp_path / "b.duckdb", [(1, "a")], "id integer, amount varchar")
    made(old, [(1,)], "id integer", "old")
    new = made(tmp_path / "a.duckdb", [(1, 2)], "id integer, amount integer")
    made(new, [(1, None), (2, None)], "id integer, list decimal(18,2)[]", "new")
    shown = markdown(compare(old, new, {"cash_in": ("id",)}))
    assert "column amount is INTEGER, it was VARCHAR" in shown
    assert "| `new` | none → 2 | 2 | 0 |" in shown
    assert "| `old` | 1 → none | 0 | 1 |" in shown


def test_the_keys_are_those_that_dbt_tests():
    keys = declared_keys(ROOT)
    assert keys["fct_time_entries"] == ("time_entry_id",)
    assert keys["cash_in"] == ("paid_month", "currency")


@pytest.mark.parametrize("content", [None, b"not a database, but long enough to be read as one"])
def test_what_is_no_warehouse_is_refused(tmp_path, content):
    file = tmp_path / "b.duckdb"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(PromotionError, match=r"b\.duckdb"):
        compare(file, made(tmp_path / "a.duckdb", []), {})


def test_the_command_prints_markdown(tmp_path):
    old, new = (made(tmp_path / name, []) for name in ("b.duckdb", "a.duckdb"))
    done = CliRunner().invoke(diff_marts, [str(old), str(new)])
    assert (done.exit_code, done.output) == (0, "The same, row by row: `cash_in`.\n")
